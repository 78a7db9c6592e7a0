# SPDX-License-Identifier: MIT
# fish completion for formation. `formation complete` has the answers (src/cli/complete.c); here is
# only how fish wants to be told.

function __formation_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l answer ($words[1] complete $words[2..] "$word" 2>/dev/null)
    set -l kind (string split ' ' -- $answer[1])
    set -l before (string sub -l $kind[2] -- "$word")
    set -l part (string sub -s (math $kind[2] + 1) -- "$word")
    switch $kind[1]
        case words programs
            for proposal in $answer[2..]
                echo $before$proposal
            end
            test $kind[1] = words || __fish_complete_command
        case files
            for path in (__fish_complete_path $part)
                echo $before$path
            end
        case folders
            for path in (__fish_complete_directories $part)
                echo $before$path
            end
        case rest
            complete -C (string join ' ' -- (string escape -- $words[(math $kind[2] + 1)..]) "$word")
    end
end

complete -c formation -f -a '(__formation_complete)'
