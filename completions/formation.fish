# SPDX-License-Identifier: MIT
# fish completion for formation. Everything about commands and options comes from
# `formation help --table`, so there is nothing here to keep up to date.

# The process types of the Procfile that the line is about. As Foreman, for that reads the Procfile
# only and minds no other mistake.
function __formation_types
    set -l words (commandline -opc)
    set -l options
    for index in (seq 2 (count $words))
        if contains -- $words[$index] -f --procfile -d --root
            set -a options $words[$index] $words[(math $index + 1)]
        end
    end
    formation check --compat foreman $options 2>/dev/null |
        string replace -rf '^valid procfile detected \((.*)\)$' '$1' | string split ', '
end

complete -c formation -f
for line in (formation help --table 2>/dev/null)
    set -l fields (string split \t -- $line)
    if test $fields[1] = command
        complete -c formation -n __fish_use_subcommand -a $fields[2] -d $fields[4]
        set -l here -n "__fish_seen_subcommand_from $fields[2]"
        switch $fields[3]
            case '[COMMAND]'
                complete -c formation $here -a '(formation help --table | string replace -rf "^command\t([^\t]*).*" "\$1")'
            case '*TYPE*'
                complete -c formation $here -a '(__formation_types)'
        end
        if string match -q 'COMMAND|*' -- $fields[3]
            complete -c formation $here -a '(__fish_complete_command)'
        end
    else
        set -l option -c formation -n "__fish_seen_subcommand_from $fields[2]" -l $fields[4] -d $fields[6]
        test $fields[3] != - && set -a option -s $fields[3]
        switch $fields[5]
            case 'FILE*'
                set -a option -rF
            case DIRECTORY
                set -a option -x -a '(__fish_complete_directories)'
            case '*TYPE*'
                set -a option -x -a '(__formation_types)'
            case '-' '[*'
            case '*'
                set -a option -x
        end
        complete $option
    end
end
