// SPDX-License-Identifier: MIT
// Gives each file of a corpus to a fuzzer's function once. So every input that ever broke something
// is tried again in each test run, with any compiler.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *read_file(const char *path, size_t *size_out)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) < 0)
        return NULL;
    long size = ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(size > 0 ? (size_t)size : 1); // exact, so that a read beyond is seen
    if (!bytes || fread(bytes, 1, (size_t)size, file) != (size_t)size)
        return NULL;
    (void)fclose(file);
    *size_out = (size_t)size;
    return bytes;
}

int main(int argc, char **argv)
{
    printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc; i++) {
        size_t size = 0;
        uint8_t *bytes = read_file(argv[i], &size);
        if (!bytes) {
            perror(argv[i]);
            return EXIT_FAILURE;
        }
        printf("# %s\n", argv[i]);
        (void)fflush(stdout); // the last line names the input when it crashes
        (void)LLVMFuzzerTestOneInput(bytes, size);
        free(bytes);
        printf("ok %d - %s\n", i, argv[i]);
    }
    return EXIT_SUCCESS;
}
