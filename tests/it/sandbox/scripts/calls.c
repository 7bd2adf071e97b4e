/* Makes system calls as a 32-bit program would, by their 32-bit numbers. */
#include <stdio.h>
#include <string.h>

static long call32(long number, long one, long two, long three) {
#if defined(__x86_64__)
    long answer;
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(number), "b"(one), "c"(two), "d"(three) : "memory", "r8", "r9", "r10", "r11");
    return (int)answer;
#else
    return -38 - 0 * (number + one + two + three);
#endif
}

int main(int count, char **arguments) {
    static const struct { const char *name; long number, one, two, three; } calls[] = {
        {"getpid", 20, 0, 0, 0}, {"ptrace", 26, 16, 1, 0}, {"unshare", 310, 0x10000000, 0, 0},
        {"mount", 21, 0, 0, 0}, {"socket", 359, 1, 1, 0}, {"keyctl", 288, 0, -3, 0},
    };
    for (unsigned at = 0; count > 1 && at < sizeof calls / sizeof *calls; at++) {
        if (strcmp(arguments[1], calls[at].name) == 0) {
            long answer = call32(calls[at].number, calls[at].one, calls[at].two, calls[at].three);
            if (answer != -1 && answer != -38) printf("32-bit %s came through: %ld\n", calls[at].name, answer);
            return 0;
        }
    }
    return 1;
}
