# SPDX-License-Identifier: MIT
# bash completion for formation. `formation complete` has the answers (src/cli/complete.c); here is
# only how bash wants to be told.
# shellcheck shell=bash

_formation()
{
    local LC_ALL=C # offsets are bytes
    local words=() begins=() answer=() line=$COMP_LINE index part word kind offset text
    COMPREPLY=()

    # bash has cut the words at = and :, we have not.
    for ((index = 0; index <= COMP_CWORD; index++)); do
        part=${COMP_WORDS[index]}
        if [[ $index -gt 0 && -n $part && $line == "$part"* ]]; then
            words[-1]+=$part
        else
            words+=("$part")
            begins+=("$index")
        fi
        line=${line#*"$part"}
    done
    mapfile -t answer < <("$1" complete "${words[@]:1}" 2>/dev/null)
    read -r kind offset <<<"${answer[0]-}"
    word=${words[-1]}

    case $kind in
        words | programs)
            for text in "${answer[@]:1}"; do
                COMPREPLY+=("${text%%$'\t'*}")
            done
            if [[ $kind == programs ]]; then
                mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -c -- "$word")
            fi
            ;;
        files)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "${word:offset}")
            ;;
        folders)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -d -- "${word:offset}")
            ;;
        rest)
            if declare -F _command_offset >/dev/null; then
                _command_offset "${begins[offset]}"
            else
                compopt -o default
            fi
            return
            ;;
    esac

    # bash replaces $2, the end of the word only.
    for index in "${!COMPREPLY[@]}"; do
        text=${word:0:offset}${COMPREPLY[index]}
        COMPREPLY[index]=${text:${#word}-${#2}}
    done
    [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
}

complete -F _formation formation
