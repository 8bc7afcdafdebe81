/* Loaded before the C library (LD_PRELOAD): counts every system call with which a process changes files below some
 * folders, in whatever language it is made, and ends the process with SIGKILL at the one that it was told.
 *
 * A write is cut in half first; before any other call, the process ends. So every state in which a killed process can
 * leave the folders is reached: what a call leaves behind is what the next one finds. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define KINDS 8
enum kind { OPEN, WRITE, SYNC, RENAME, REMOVE, FOLDER, MODE, LENGTH };

static char roots[PATH_MAX * 2]; /* folders with a final /, one after the other, each ended by a newline */
static long target, seen[KINDS], total;

/* Tell which folders to look at (each ends in "/\n") and at which call to die; 0: at none. */
void faults_arm(const char *folders, long at) {
    snprintf(roots, sizeof roots, "%s", folders);
    target = at;
    total = 0;
    memset(seen, 0, sizeof seen);
}

long faults_total(void) { return total; }
long faults_seen(int kind) { return seen[kind]; }

static int below(const char *path) {
    for (const char *root = roots; *root;) {
        const char *end = strchr(root, '\n');
        if (!end) return 0;
        if (strncmp(path, root, (size_t)(end - root)) == 0) return 1;
        root = end + 1;
    }
    return 0;
}

static int place_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

static int watched_at(int folder, const char *name) {
    char path[PATH_MAX * 2];
    if (!*roots || !name) return 0;
    if (name[0] == '/') return below(name);
    if (folder == AT_FDCWD ? !getcwd(path, PATH_MAX) : !place_of(folder, path)) return 0;
    size_t length = strlen(path);
    snprintf(path + length, sizeof path - length, "/%s", name);
    return below(path);
}

static int watched(int fd) {
    char path[PATH_MAX];
    return *roots && place_of(fd, path) && below(path);
}

static int last(enum kind kind) {
    seen[kind]++;
    return ++total == target;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define AT(kind, folder, path) \
    if (watched_at(folder, path) && last(kind)) die()
#define ON(kind, fd) \
    if (watched(fd) && last(kind)) die()

static int opened(const char *real, int folder, const char *path, int flags, va_list more) {
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    int changes = (flags & (O_CREAT | O_TRUNC)) != 0;
    if (changes) AT(OPEN, folder, path);
    int (*call)(int, const char *, int, ...) = dlsym(RTLD_NEXT, real);
    return call(folder, path, flags, mode);
}
#define OPENS(name, real, parameters, folder) \
    int name parameters { va_list more; va_start(more, flags); \
        int fd = opened(real, folder, path, flags, more); va_end(more); return fd; }
OPENS(open, "openat", (const char *path, int flags, ...), AT_FDCWD)
OPENS(open64, "openat64", (const char *path, int flags, ...), AT_FDCWD)
OPENS(openat, "openat", (int folder, const char *path, int flags, ...), folder)
OPENS(openat64, "openat64", (int folder, const char *path, int flags, ...), folder)

ssize_t write(int fd, const void *bytes, size_t count) {
    if (watched(fd) && last(WRITE)) { REAL(write)(fd, bytes, count / 2); die(); }
    return REAL(write)(fd, bytes, count);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    if (watched(fd) && last(WRITE)) { REAL(pwrite)(fd, bytes, count / 2, at); die(); }
    return REAL(pwrite)(fd, bytes, count, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) { return pwrite(fd, bytes, count, at); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (watched(fd) && last(WRITE)) { REAL(writev)(fd, parts, count / 2); die(); }
    return REAL(writev)(fd, parts, count);
}
ssize_t sendfile(int to, int from, off_t *at, size_t count) {
    ON(WRITE, to);
    return REAL(sendfile)(to, from, at, count);
}
ssize_t sendfile64(int to, int from, off64_t *at, size_t count) {
    ON(WRITE, to);
    return REAL(sendfile64)(to, from, at, count);
}
ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *there, size_t count, unsigned flags) {
    ON(WRITE, to);
    return REAL(copy_file_range)(from, at, to, there, count, flags);
}
int fsync(int fd) { ON(SYNC, fd); return REAL(fsync)(fd); }
int fdatasync(int fd) { ON(SYNC, fd); return REAL(fdatasync)(fd); }
int ftruncate(int fd, off_t size) { ON(LENGTH, fd); return REAL(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) { ON(LENGTH, fd); return REAL(ftruncate64)(fd, size); }
int rename(const char *from, const char *to) { AT(RENAME, AT_FDCWD, to); return REAL(rename)(from, to); }
int renameat(int a, const char *from, int b, const char *to) { AT(RENAME, b, to); return REAL(renameat)(a, from, b, to); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    AT(RENAME, b, to);
    return REAL(renameat2)(a, from, b, to, flags);
}
int link(const char *from, const char *to) { AT(RENAME, AT_FDCWD, to); return REAL(link)(from, to); }
int symlink(const char *from, const char *to) { AT(OPEN, AT_FDCWD, to); return REAL(symlink)(from, to); }
int unlink(const char *path) { AT(REMOVE, AT_FDCWD, path); return REAL(unlink)(path); }
int unlinkat(int folder, const char *path, int flags) { AT(REMOVE, folder, path); return REAL(unlinkat)(folder, path, flags); }
int rmdir(const char *path) { AT(REMOVE, AT_FDCWD, path); return REAL(rmdir)(path); }
int mkdir(const char *path, mode_t mode) { AT(FOLDER, AT_FDCWD, path); return REAL(mkdir)(path, mode); }
int mkdirat(int folder, const char *path, mode_t mode) { AT(FOLDER, folder, path); return REAL(mkdirat)(folder, path, mode); }
int chmod(const char *path, mode_t mode) { AT(MODE, AT_FDCWD, path); return REAL(chmod)(path, mode); }
int fchmod(int fd, mode_t mode) { ON(MODE, fd); return REAL(fchmod)(fd, mode); }
int fchmodat(int folder, const char *path, mode_t mode, int flags) {
    AT(MODE, folder, path);
    return REAL(fchmodat)(folder, path, mode, flags);
}
