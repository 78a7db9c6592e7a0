// SPDX-License-Identifier: MIT
//     2026-11-25T23:00:00.123456+00:00 app[web.1]: …
// as `heroku logs` prints it. "app" is Heroku's word for what the app's processes write, whatever
// the app is called; where it says "heroku" for sentences of the platform, "formation" stands. The
// line stays byte for byte: a file is no terminal, and whoever shows it there has tools for that.
#include "view/format_parts.h"

void format_heroku_prefix(struct buffer *out, const struct format_line *line)
{
    format_put_stamp(out, line->at, "+00:00 ");
    buffer_append_text(out, line->is_note ? "formation[" : "app[");
    format_put_word(out, line->process, FORMAT_NAME_BYTES, "[]");
    buffer_append(out, "]: ", 3);
}
