/*
 * A service for measuring: pretends to load a model, binds, answers HTTP, and notes when what happened.
 *
 *   service STAMPS NAME PORT LOAD_MS [standby PREPARE_MS] [flood LINES]
 *
 * PREPARE_MS of the load can be done before the bind's turn (ALEXA_STANDBY=1). To the file STAMPS it appends one line per
 * event: NAME EVENT NANOSECONDS PID, in CLOCK_MONOTONIC. Any request is answered with 200. SIGTERM ends it at once.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int stamps;
static const char *name;

static long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void stamp(const char *event, long long value) {
  char line[200];
  int n = snprintf(line, sizeof line, "%s %s %lld %d\n", name, event, value, (int)getpid());
  if (write(stamps, line, n) != n) _exit(9); /* one write on O_APPEND: lines of several services do not mix */
}

static void wait_ms(long ms) {
  struct timespec t = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&t, NULL);
}

static void notify(const char *text) {
  const char *path = getenv("NOTIFY_SOCKET");
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  if (!path || strlen(path) >= sizeof a.sun_path) return;
  strcpy(a.sun_path, path);
  int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (sendto(s, text, strlen(text), 0, (void *)&a, sizeof a) < 0) perror("notify");
  close(s);
}

static void on_term(int sig) {
  (void)sig;
  _exit(0);
}

/* LINES of 100 bytes in writes of 64 KB; notes how long the longest of them was held up. */
static void flood(long lines) {
  static char block[65500];
  long long longest = 0;
  stamp("flood", now_ns());
  for (long at = 0; at < lines;) {
    size_t have = 0;
    for (; have + 100 <= sizeof block && at < lines; at++, have += 100) {
      char head[32];
      int n = snprintf(head, sizeof head, "L%09ld flood ", at);
      memset(block + have, 'x', 99);
      memcpy(block + have, head, n);
      block[have + 99] = '\n';
    }
    for (size_t off = 0; off < have;) {
      long long before = now_ns();
      ssize_t n = write(1, block + off, have - off);
      if (n <= 0) _exit(8);
      if (now_ns() - before > longest) longest = now_ns() - before;
      off += n;
    }
  }
  stamp("flooded", now_ns());
  stamp("longest_write", longest);
}

int main(int argc, char **argv) {
  long long began = now_ns();
  if (argc < 5) return 2;
  name = argv[2];
  stamps = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  stamp("start", began);
  signal(SIGTERM, on_term);
  signal(SIGPIPE, SIG_IGN);
  long load = atol(argv[4]), prepare = 0, lines = 0;
  for (int i = 5; i + 1 < argc; i += 2) {
    if (!strcmp(argv[i], "standby")) prepare = atol(argv[i + 1]);
    if (!strcmp(argv[i], "flood")) lines = atol(argv[i + 1]);
  }
  wait_ms(prepare);
  if (getenv("ALEXA_STANDBY")) {
    char line[16];
    stamp("prepared", now_ns());
    notify("X_ALEXA_PREPARED=1");
    if (read(0, line, sizeof line) <= 0) return 0;
    stamp("released", now_ns());
  }
  wait_ms(load - prepare);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[3]))};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int one = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(s, (void *)&a, sizeof a) || listen(s, 64)) return perror("bind"), 1;
  stamp("ready", now_ns());
  notify("READY=1");
  if (lines) {
    wait_ms(500); /* past the gate, whatever that costs: the flood alone is measured */
    flood(lines);
  }
  for (;;) {
    char request[4096];
    int c = accept(s, NULL, NULL);
    if (c < 0) continue;
    struct pollfd p = {c, POLLIN, 0};
    if (poll(&p, 1, 1000) > 0 && read(c, request, sizeof request) > 0) {
      static const char ok[] = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
      if (write(c, ok, sizeof ok - 1) < 0) perror("write");
    }
    close(c);
  }
}
