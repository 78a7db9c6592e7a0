// SPDX-License-Identifier: MIT
// What a command needs of the shell, decided without running one; when in doubt, all of it.
#pragma once

#include "base/str.h"

enum shell_need {
    SHELL_NOTHING,  // words and blanks only: it can be executed directly
    SHELL_ONCE,     // one program with quotes, variables, patterns or redirections: `exec` may
                    // stand in front, so that the shell becomes the program
    SHELL_ALL_ALONG // lists, pipes, assignments, built-ins, …, or anything that is not understood
};

enum shell_need shell_need_of(struct str command);

// Where `exec ` may be put into what needs the shell all along, as `cd app && A=b ./server`, so
// that its last command becomes the shell's own process. command.size: nowhere.
size_t shell_exec_place(struct str command);
