# SPDX-License-Identifier: MIT
# bash completion for formation. Everything about commands and options comes from
# `formation help --table`, so there is nothing here to keep up to date.

# The process types of the Procfile that the line is about. As Foreman, for that reads the Procfile
# only and minds no other mistake.
_formation_types()
{
    local index options=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        case ${COMP_WORDS[index]} in
            -f | --procfile | -d | --root)
                options+=("${COMP_WORDS[index]}" "${COMP_WORDS[index + 1]}")
                ;;
        esac
    done
    "$1" check --compat foreman "${options[@]}" 2>/dev/null |
        sed -n 's/^valid procfile detected (\(.*\))$/\1/p' | tr -d ','
}

_formation()
{
    local program=$1 word=$2 previous=$3 table commands command='' kind='' index
    COMPREPLY=()
    table=$("$program" help --table 2>/dev/null) || return
    commands=$(awk -F '\t' '$1 == "command" { print $2 }' <<<"$table")
    for ((index = 1; index < COMP_CWORD; index++)); do
        if grep -qxF -e "${COMP_WORDS[index]}" <<<"$commands"; then
            command=${COMP_WORDS[index]}
            break
        fi
    done

    # What is wanted here: the value of an option, an option, the command, or its operands.
    if [[ $previous == -* ]]; then
        kind=$(awk -F '\t' -v option="$previous" '
            $1 == "option" && (option == "-" $3 || option == "--" $4) && $5 !~ /^(-$|\[)/ {
                print $5
                exit
            }' <<<"$table")
    fi
    if [[ -z $kind && $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(awk -F '\t' -v command="$command" '
            $1 == "option" && (command == "" || command == $2) && !is_seen[$4]++ {
                if ($3 != "-")
                    print "-" $3
                print "--" $4
            }' <<<"$table")" -- "$word")
        return
    fi
    if [[ -z $kind && -z $command ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
        return
    fi
    if [[ -z $kind ]]; then
        kind=$(awk -F '\t' -v command="$command" \
            '$1 == "command" && $2 == command { print $3 }' <<<"$table")
    fi

    case $kind in
        DIRECTORY) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
        FILE*) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        '[COMMAND]') mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word") ;;
        'COMMAND|TYPE'*)
            mapfile -t COMPREPLY < <(compgen -W "$(_formation_types "$program")" -- "$word"
                compgen -c -- "$word")
            ;;
        *TYPE*)
            mapfile -t COMPREPLY < <(compgen -W "$(_formation_types "$program")" -- "$word")
            ;;
        foreman) COMPREPLY=(foreman) ;;
    esac
}

complete -F _formation formation
