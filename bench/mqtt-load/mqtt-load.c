/* mqtt-load: a small single-threaded epoll load generator for MQTT brokers (Linux).
 * It speaks just enough MQTT 3.1.1 / 5.0 to publish, subscribe and count.
 * See README.md for the options and for what each figure means. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef uint8_t u8; typedef uint16_t u16; typedef uint32_t u32; typedef uint64_t u64;

enum { MODE_PAIR, MODE_FANIN, MODE_FANOUT, MODE_IDLE };
enum { ST_CONNECTING, ST_WAIT_CONNACK, ST_WAIT_SUBACK, ST_READY, ST_DEAD };

typedef struct {
  int fd; u8 state, is_sub; u8 want_out; u16 next_pid;
  u32 idx, group;
  u8 *tmpl; u32 tmpl_len, ts_off, pid_off;  /* PUBLISH template (publishers) */
  u8 *stage; u32 stage_len, stage_off, stage_cap;
  u8 *part; u32 part_len, part_cap;
  u64 sent, acked, recvd; u64 *sent_at; /* when each packet id left, for the latency of its PUBACK */
} conn;

static struct {
  const char *host; int port; int mode, pubs, subs, qos, size, window, batch, ver, keepalive, idle_sub;
  double rate, warm, dur; u64 count; int pids[64], npids; const char *prefix; int clean; const char *filter;
  const char *user, *pass; int json, ack_lat; int hold; int retain; int nodelay; const char *label; int tlen; int conn_burst; int poisson;
} o = { .host = "127.0.0.1", .port = 1883, .mode = MODE_PAIR, .pubs = 1, .subs = 1, .qos = 0, .size = 16, .window = 2000,
        .batch = 64, .ver = 4, .keepalive = 300, .warm = 1, .dur = 5, .prefix = "bench", .clean = 1, .nodelay = 1, .conn_burst = 100 };

static int ep; static struct sockaddr_in addr;
static conn *conns; static int nconns; static int nready;
static u64 tot_sent, tot_acked, tot_recvd, tot_closed; static u64 *grp_sent, *grp_recvd;
static int measuring; static u64 lat_n, lat_max, lat_sum;
/* log-linear histogram: 64 octaves x 64 sub-buckets, in ns */
static u64 hist[64 * 64];
static u8 rbuf[4 << 20];

static u64 wall_us(void) { struct timespec t; clock_gettime(CLOCK_REALTIME, &t); return (u64)t.tv_sec * 1000000ull + t.tv_nsec / 1000; }
static u64 now_ns(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (u64)t.tv_sec * 1000000000ull + t.tv_nsec; }
static void die(const char *f, ...) { va_list a; va_start(a, f); vfprintf(stderr, f, a); va_end(a); fputc('\n', stderr); exit(2); }

static void hist_add(u64 ns) {
  lat_n++; lat_sum += ns; if (ns > lat_max) lat_max = ns;
  if (ns < 64) { hist[ns]++; return; }
  int msb = 63 - __builtin_clzll(ns); int sh = msb - 6;
  u32 b = (u32)((msb - 5) * 64 + ((ns >> sh) & 63)); hist[b < 4096 ? b : 4095]++;
}
static double hist_q(double q) {
  u64 need = (u64)(q * lat_n), c = 0; if (!lat_n) return 0;
  for (u32 b = 0; b < 4096; b++) { c += hist[b]; if (c > need) {
    if (b < 64) return b; int msb = b / 64 + 5; int sh = msb - 6; return (double)((64ull + (b & 63)) << sh); } }
  return lat_max;
}

/* user and system CPU seconds of a process, all its threads, from /proc/PID/stat */
static void proc_cpu(int pid, double *user, double *sys) {
  char p[64], b[1024]; *user = *sys = 0; snprintf(p, sizeof p, "/proc/%d/stat", pid); FILE *f = fopen(p, "r"); if (!f) return;
  size_t n = fread(b, 1, sizeof b - 1, f); fclose(f); b[n] = 0; char *c = strrchr(b, ')'); if (!c) return;
  unsigned long ut = 0, st = 0; sscanf(c + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ut, &st);
  double hz = sysconf(_SC_CLK_TCK); *user = ut / hz; *sys = st / hz;
}
static long proc_rss(int pid) {
  char p[64], b[256]; long kb = 0; snprintf(p, sizeof p, "/proc/%d/status", pid); FILE *f = fopen(p, "r"); if (!f) return 0;
  while (fgets(b, sizeof b, f)) if (sscanf(b, "VmRSS: %ld", &kb) == 1) break; fclose(f); return kb;
}
static double all_cpu(void) { double t = 0, u, y; for (int i = 0; i < o.npids; i++) { proc_cpu(o.pids[i], &u, &y); t += u + y; } return t; }
static double all_ucpu(void) { double t = 0, u, y; for (int i = 0; i < o.npids; i++) { proc_cpu(o.pids[i], &u, &y); t += u; } return t; }
static long all_rss(void) { long s = 0; for (int i = 0; i < o.npids; i++) s += proc_rss(o.pids[i]); return s; }
static double self_cpu(void) { struct rusage r; getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6; }

static u32 put_vl(u8 *p, u32 n) { u32 i = 0; do { u8 b = n & 127; n >>= 7; p[i++] = b | (n ? 128 : 0); } while (n); return i; }
static u32 put_str(u8 *p, const char *s) { u32 n = strlen(s); p[0] = n >> 8; p[1] = n; memcpy(p + 2, s, n); return n + 2; }

static void topic_of(char *t, size_t n, u32 g) { int k = snprintf(t, n, "%s/%06u/state", o.prefix, g); if (k < o.tlen) t[k++] = '/';
  while (k < o.tlen && k + 1 < (int)n) t[k++] = 'x'; t[k] = 0; }

static void set_out(conn *c, int on) {
  if (c->want_out == on) return; c->want_out = on;
  struct epoll_event e = { .events = EPOLLIN | (on ? EPOLLOUT : 0), .data.ptr = c }; epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
}
static void conn_close(conn *c) { if (c->state == ST_DEAD) return; if (c->state == ST_READY) nready--; c->state = ST_DEAD; close(c->fd); tot_closed++; }
static int flush_conn(conn *c) {
  while (c->stage_off < c->stage_len) {
    ssize_t w = send(c->fd, c->stage + c->stage_off, c->stage_len - c->stage_off, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (w < 0) { if (errno == EAGAIN) { set_out(c, 1); return 0; } if (errno == EINTR) continue; conn_close(c); return -1; }
    c->stage_off += w;
  }
  c->stage_off = c->stage_len = 0; set_out(c, 0); return 1;
}
static void stage_room(conn *c, u32 n) {
  if (c->stage_len + n <= c->stage_cap) return;
  if (c->stage_off) { memmove(c->stage, c->stage + c->stage_off, c->stage_len - c->stage_off); c->stage_len -= c->stage_off; c->stage_off = 0; }
  while (c->stage_len + n > c->stage_cap) c->stage_cap = c->stage_cap ? c->stage_cap * 2 : 128;
  c->stage = realloc(c->stage, c->stage_cap);
}
static void queue(conn *c, const u8 *b, u32 n) { stage_room(c, n); memcpy(c->stage + c->stage_len, b, n); c->stage_len += n; }

static void send_connect(conn *c) {
  u8 b[512], v[512]; u32 n = 0; char id[64];
  n += put_str(v, "MQTT"); v[n++] = o.ver; v[n++] = (o.clean ? 2 : 0) | (o.user ? 0x80 : 0) | (o.pass ? 0x40 : 0); v[n++] = o.keepalive >> 8; v[n++] = o.keepalive;
  if (o.ver == 5) v[n++] = 0;
  snprintf(id, sizeof id, "%c%d-%u", c->is_sub ? 's' : 'p', (int)getpid(), c->idx); n += put_str(v + n, id);
  if (o.user) n += put_str(v + n, o.user); if (o.pass) n += put_str(v + n, o.pass);
  b[0] = 0x10; u32 h = 1 + put_vl(b + 1, n); memcpy(b + h, v, n); queue(c, b, h + n); c->state = ST_WAIT_CONNACK; flush_conn(c);
}
static void send_subscribe(conn *c) {
  u8 b[512], v[512]; u32 n = 0; char t[256];
  v[n++] = 0; v[n++] = 1; if (o.ver == 5) v[n++] = 0;
  if (o.mode == MODE_PAIR) topic_of(t, sizeof t, c->group);
  else if (o.mode == MODE_FANIN) snprintf(t, sizeof t, "%s/+/state%s", o.prefix, o.tlen ? "/#" : "");
  else if (o.mode == MODE_IDLE) snprintf(t, sizeof t, "%s/idle/%06u/cmd", o.prefix, c->idx);
  else topic_of(t, sizeof t, 0);
  if (o.filter) snprintf(t, sizeof t, "%s", o.filter);
  n += put_str(v + n, t); v[n++] = o.qos;
  b[0] = 0x82; u32 h = 1 + put_vl(b + 1, n); memcpy(b + h, v, n); queue(c, b, h + n); c->state = ST_WAIT_SUBACK; flush_conn(c);
}
static void make_template(conn *c) {
  char t[256]; u32 tl, rem, n = 0; topic_of(t, sizeof t, o.mode == MODE_FANOUT ? 0 : c->group); tl = strlen(t);
  rem = 2 + tl + (o.qos ? 2 : 0) + (o.ver == 5 ? 1 : 0) + o.size; c->tmpl = malloc(rem + 8);
  c->tmpl[n++] = 0x30 | (o.qos << 1) | (o.retain ? 1 : 0); n += put_vl(c->tmpl + n, rem); n += put_str(c->tmpl + n, t);
  if (o.qos) { c->pid_off = n; c->tmpl[n++] = 0; c->tmpl[n++] = 1; } if (o.ver == 5) c->tmpl[n++] = 0;
  if (o.json) { /* a reading as a device would send it: 16 digits of wall clock (us), then fields, padded to --size */
    char j[4096]; int k = snprintf(j, sizeof j, "{\"sent_us\":1000000000000000,\"device\":\"d%06u\",\"temperature_f\":212.5,\"quality\":\"good\",\"note\":\"", c->idx);
    while (k < o.size - 2 && k < (int)sizeof j - 3) j[k++] = 'x'; j[k++] = '"'; j[k++] = '}';
    c->ts_off = n + 11; c->tmpl = realloc(c->tmpl, n + k + 8); memcpy(c->tmpl + n, j, k); n += k; c->tmpl_len = n; c->next_pid = 1;
    if (o.ack_lat) c->sent_at = calloc(65536, 8); return;
  }
  c->ts_off = n; for (int i = 0; i < o.size; i++) c->tmpl[n++] = (i < 16) ? 0 : (u8)("{\"temp\":21.5,\"hum\":40,\"ok\":true}"[i & 31]); c->tmpl_len = n; c->next_pid = 1;
}
static void publish_n(conn *c, u32 n, u64 ts) {
  stage_room(c, n * c->tmpl_len); u8 *p = c->stage + c->stage_len;
  for (u32 i = 0; i < n; i++) {
    memcpy(p, c->tmpl, c->tmpl_len);
    if (o.json) { u64 w = wall_us(); for (int d = 15; d >= 0; d--) { p[c->ts_off + d] = '0' + w % 10; w /= 10; } }
    else if (o.size >= 8) memcpy(p + c->ts_off, &ts, 8);
    if (c->sent_at) c->sent_at[c->next_pid] = ts;
    if (o.qos) { p[c->pid_off] = c->next_pid >> 8; p[c->pid_off + 1] = c->next_pid; if (!++c->next_pid) c->next_pid = 1; }
    p += c->tmpl_len;
  }
  c->stage_len += n * c->tmpl_len; c->sent += n; tot_sent += n; grp_sent[c->group] += n;
}
/* saturating publishers: how many more may this one send now? */
static u32 allowed(conn *c) {
  long a;
  if (o.qos) { a = (long)o.window - (long)(c->sent - c->acked); }
  else if (o.mode == MODE_PAIR) a = (long)o.window - (long)(grp_sent[c->group] - grp_recvd[c->group]);
  else if (o.mode == MODE_FANOUT) a = (long)o.window - (long)(tot_sent - tot_recvd / o.subs);
  else a = (long)o.window - (long)(tot_sent - tot_recvd / (o.subs > 0 ? o.subs : 1));
  if (o.subs == 0 && !o.qos) a = o.batch; 
  return a <= 0 ? 0 : a > o.batch ? o.batch : (u32)a;
}
static void pump(conn *c, u64 ts) {
  if (c->stage_len != c->stage_off) { if (c->want_out) return; if (flush_conn(c) != 1) return; }
  u32 n = allowed(c); if (!n) return; publish_n(c, n, ts); flush_conn(c);
}

static void on_packet(conn *c, u8 *p, u32 hdr, u32 rem, u64 ts) {
  switch (p[0] >> 4) {
  case 2: if (rem < 2 || p[hdr + 1] != 0) die("CONNACK refused, code %d", p[hdr + 1]);
    if (c->is_sub) send_subscribe(c); else { c->state = ST_READY; nready++; } break;
  case 9: if (p[hdr + rem - 1] > 2) die("SUBACK refused"); c->state = ST_READY; nready++; break;
  case 3: {
    c->recvd++; tot_recvd++; if (o.mode != MODE_IDLE) grp_recvd[c->group]++;
    u32 tl = p[hdr] << 8 | p[hdr + 1], q = hdr + 2 + tl; int qos = (p[0] >> 1) & 3;
    if (qos) { u8 a[4] = { qos == 1 ? 0x40 : 0x50, 2, p[q], p[q + 1] }; queue(c, a, 4); q += 2; }
    if (o.ver == 5) { u32 pl = p[q]; q += 1 + pl; }
    if (measuring && !o.json && q + 8 <= hdr + rem) { u64 t; memcpy(&t, p + q, 8); if (t && t <= ts) hist_add(ts - t); }
    break; }
  case 4: c->acked++; tot_acked++;
    if (c->sent_at && measuring) { u64 t = c->sent_at[p[hdr] << 8 | p[hdr + 1]]; if (t && t <= ts) hist_add(ts - t); }
    break;
  case 5: { u8 a[4] = { 0x62, 2, p[hdr], p[hdr + 1] }; queue(c, a, 4); break; }
  case 6: { u8 a[4] = { 0x70, 2, p[hdr], p[hdr + 1] }; queue(c, a, 4); break; }
  case 7: c->acked++; tot_acked++; break;
  default: break;
  }
}
static void on_readable(conn *c) {
  u32 have = c->part_len; if (have) memcpy(rbuf, c->part, have);
  ssize_t r = recv(c->fd, rbuf + have, 262144, MSG_DONTWAIT);
  if (r <= 0) { if (r < 0 && (errno == EAGAIN || errno == EINTR)) return; conn_close(c); return; }
  u32 n = have + r, i = 0; u64 ts = now_ns(); u32 ql = c->stage_len;
  while (n - i >= 2) {
    u32 rem = 0, sh = 0, h = 1; int ok = 0;
    while (i + h < n && h < 5) { u8 b = rbuf[i + h++]; rem |= (u32)(b & 127) << sh; sh += 7; if (!(b & 128)) { ok = 1; break; } }
    if (!ok || n - i - h < rem) break;
    on_packet(c, rbuf + i, h, rem, ts); if (c->state == ST_DEAD) return; i += h + rem;
  }
  u32 left = n - i;
  if (left > c->part_cap) { c->part_cap = left * 2; c->part = realloc(c->part, c->part_cap); }
  if (left) memcpy(c->part, rbuf + i, left); c->part_len = left;
  if (c->stage_len != ql && !c->want_out) flush_conn(c);
}
static void start_conn(conn *c, u32 k) {
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); if (c->fd < 0) die("socket: %s (raise ulimit -n)", strerror(errno));
  int one = 1; if (o.nodelay) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (ntohl(addr.sin_addr.s_addr) >> 24 == 127 && nconns > 20000) { /* spread loopback source addresses */
    struct sockaddr_in s = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001 + k / 20000) }; bind(c->fd, (void *)&s, sizeof s); }
  if (connect(c->fd, (void *)&addr, sizeof addr) < 0 && errno != EINPROGRESS) die("connect: %s", strerror(errno));
  struct epoll_event e = { .events = EPOLLIN | EPOLLOUT, .data.ptr = c }; c->want_out = 1; c->state = ST_CONNECTING;
  epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e);
}
static struct epoll_event evs[4096];
static int poll_once(long timeout_ns) {
  struct timespec t = { timeout_ns / 1000000000, timeout_ns % 1000000000 };
  int n = epoll_pwait2(ep, evs, 4096, &t, NULL);
  for (int i = 0; i < n; i++) {
    conn *c = evs[i].data.ptr; if (c->state == ST_DEAD) continue;
    if (c->state == ST_CONNECTING && (evs[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
      int err = 0; socklen_t l = sizeof err; getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &l); if (err) die("connect: %s", strerror(err));
      send_connect(c); continue;
    }
    if (evs[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(c);
    if (c->state != ST_DEAD && (evs[i].events & EPOLLOUT)) flush_conn(c);
  }
  return n;
}
static void usage(void) {
  puts("mqtt-load --host H --port P --mode pair|fanin|fanout|idle [options]\n"
       "  --pubs N --subs N        connections of each kind (pair: N pubs <-> N subs on N topics)\n"
       "  --qos 0|1|2 --size B     payload bytes (>= 8 carries a time stamp for latency)\n"
       "  --window N               closed loop: most undelivered (QoS0) or unacknowledged (QoS1, per publisher) messages\n"
       "  --batch N                most messages one publisher puts in one write\n"
       "  --rate R                 paced: R messages/s per publisher, evenly spread (open loop)\n"
       "  --poisson 1              paced with exponential gaps\n"
       "  --warm S --dur S         seconds before / during measurement\n"
       "  --count N                stop after N delivered messages in the measured part, if sooner than --dur\n"
       "  --pid P[,P...]           broker process ids on this machine: CPU and RSS are read from /proc\n"
       "  --version 4|5 --keepalive S --filter F --prefix T --user U --pass P --retain 1 --nodelay 0|1\n"
       "  --idle-sub 1 --hold S    idle mode: --subs connections that also subscribe; seconds to hold before reading RSS\n"
       "  --json 1                 the payload is a JSON reading of --size bytes (100 or more) that carries the wall clock\n"
       "  --ack-latency 1          with --json 1 --qos 1: the latencies are those of the PUBACKs\n"
       "  --tlen N                 topics at least N bytes long    --conn-burst N  connections opened at once\n"
       "  --label L                goes into the result, one JSON line on standard output");
  exit(1);
}
int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN); struct rlimit rl; if (!getrlimit(RLIMIT_NOFILE, &rl)) { rl.rlim_cur = rl.rlim_max; setrlimit(RLIMIT_NOFILE, &rl); }
  for (int i = 1; i < argc; i++) {
    const char *a = argv[i]; if (strncmp(a, "--", 2)) usage(); if (i + 1 >= argc) usage(); const char *v = argv[++i]; a += 2;
    if (!strcmp(a, "host")) o.host = v; else if (!strcmp(a, "port")) o.port = atoi(v);
    else if (!strcmp(a, "mode")) o.mode = !strcmp(v, "pair") ? MODE_PAIR : !strcmp(v, "fanin") ? MODE_FANIN : !strcmp(v, "fanout") ? MODE_FANOUT : !strcmp(v, "idle") ? MODE_IDLE : (usage(), 0);
    else if (!strcmp(a, "pubs")) o.pubs = atoi(v); else if (!strcmp(a, "subs")) o.subs = atoi(v); else if (!strcmp(a, "qos")) o.qos = atoi(v);
    else if (!strcmp(a, "size")) o.size = atoi(v); else if (!strcmp(a, "window")) o.window = atoi(v); else if (!strcmp(a, "batch")) o.batch = atoi(v);
    else if (!strcmp(a, "rate")) o.rate = atof(v); else if (!strcmp(a, "warm")) o.warm = atof(v); else if (!strcmp(a, "dur")) o.dur = atof(v);
    else if (!strcmp(a, "count")) o.count = strtoull(v, 0, 10); else if (!strcmp(a, "version")) o.ver = atoi(v); else if (!strcmp(a, "keepalive")) o.keepalive = atoi(v);
    else if (!strcmp(a, "filter")) o.filter = v; else if (!strcmp(a, "prefix")) o.prefix = v; else if (!strcmp(a, "user")) o.user = v; else if (!strcmp(a, "pass")) o.pass = v;
    else if (!strcmp(a, "idle-sub")) o.idle_sub = atoi(v); else if (!strcmp(a, "hold")) o.hold = atoi(v); else if (!strcmp(a, "label")) o.label = v;
    else if (!strcmp(a, "retain")) o.retain = atoi(v); else if (!strcmp(a, "nodelay")) o.nodelay = atoi(v); else if (!strcmp(a, "poisson")) o.poisson = atoi(v);
    else if (!strcmp(a, "json")) o.json = atoi(v); else if (!strcmp(a, "ack-latency")) o.ack_lat = atoi(v);
    else if (!strcmp(a, "tlen")) o.tlen = atoi(v); else if (!strcmp(a, "conn-burst")) o.conn_burst = atoi(v);
    else if (!strcmp(a, "pid")) { const char *s = v; while (*s && o.npids < 64) { char *e; o.pids[o.npids++] = strtol(s, &e, 10); s = *e == ',' ? e + 1 : e; if (s == e && *e) usage(); } }
    else usage();
  }
  if (o.ver == 3) o.ver = 4;
  struct addrinfo hint = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *ai; if (getaddrinfo(o.host, 0, &hint, &ai)) die("cannot resolve %s", o.host);
  addr = *(struct sockaddr_in *)ai->ai_addr; addr.sin_port = htons(o.port); freeaddrinfo(ai);
  if (o.mode == MODE_IDLE) { o.pubs = o.idle_sub ? 0 : o.pubs; if (!o.idle_sub) o.subs = 0; }
  if (o.mode == MODE_PAIR) o.subs = o.subs ? o.pubs : 0;
  nconns = o.pubs + o.subs; conns = calloc(nconns, sizeof *conns); grp_sent = calloc(o.pubs + o.subs + 1, 8); grp_recvd = calloc(o.pubs + o.subs + 1, 8);
  ep = epoll_create1(0); int k = 0; long rss0 = all_rss();
  double cpu00 = all_cpu(); u64 tc0 = now_ns();
  for (int i = 0; i < o.subs; i++, k++) { conns[k].is_sub = 1; conns[k].idx = i; conns[k].group = o.mode == MODE_PAIR ? i : 0; }
  for (int i = 0; i < o.pubs; i++, k++) { conns[k].idx = i; conns[k].group = o.mode == MODE_FANOUT ? 0 : i; if (o.mode != MODE_IDLE) make_template(&conns[k]); }
  if (o.mode == MODE_FANIN) for (int i = 0; i < o.subs; i++) conns[i].group = o.pubs + i;
  for (int s = 0; s < nconns; ) { /* open in bursts, so that no accept queue overflows */
    int e = s + o.conn_burst < nconns ? s + o.conn_burst : nconns; for (int i = s; i < e; i++) start_conn(&conns[i], i);
    u64 t0 = now_ns(); while (nready < e) { poll_once(50000000); if (tot_closed) die("a connection was closed during set-up"); if (now_ns() - t0 > 60ull * 1000000000) die("set-up took too long (%d of %d ready)", nready, nconns); }
    s = e;
  }
  double t_conn = (now_ns() - tc0) / 1e9; double cpu_conn = all_cpu() - cpu00;
  if (o.mode == MODE_IDLE) {
    u64 t0 = now_ns(); double c0 = all_cpu(); while (now_ns() - t0 < (u64)((o.hold ? o.hold : 3) * 1e9)) poll_once(100000000);
    long rss1 = all_rss();
    printf("{\"label\":\"%s\",\"mode\":\"idle\",\"conns\":%d,\"closed\":%llu,\"rss0_mb\":%.1f,\"rss1_mb\":%.1f,\"kb_per_conn\":%.2f,\"connect_s\":%.2f,\"connect_cpu_us\":%.1f,\"idle_cpu\":%.3f}\n", o.label ? o.label : "", nconns,
      (unsigned long long)tot_closed, rss0 / 1024.0, rss1 / 1024.0, (double)(rss1 - rss0) / nconns, t_conn, cpu_conn * 1e6 / nconns, all_cpu() - c0); return 0;
  }
  conn *pub = conns + o.subs; u64 start = now_ns(), t_meas = start + (u64)(o.warm * 1e9), t_end = t_meas + (u64)(o.dur * 1e9);
  u64 r0 = 0, s0 = 0, a0 = 0, m0 = 0; double c0 = 0, uc0 = 0, self0 = 0; u64 seq = 0; double step = o.rate > 0 ? 1e9 / (o.rate * o.pubs) : 0, due = start; u32 rr = 0;
  u64 rng = 88172645463325252ull; long rss_max = 0; u64 last_rss = 0;
  for (;;) {
    u64 t = now_ns();
    if (!measuring && t >= t_meas) { measuring = 1; r0 = tot_recvd; s0 = tot_sent; a0 = tot_acked; c0 = all_cpu(); uc0 = all_ucpu(); self0 = self_cpu(); m0 = now_ns(); t_end = m0 + (u64)(o.dur * 1e9); }
    if (measuring && (t >= t_end || (o.count && tot_recvd - r0 >= o.count))) break;
    if (t - last_rss > 500000000) { last_rss = t; long r = all_rss(); if (r > rss_max) rss_max = r; }
    if (nready == 0) break;
    if (step > 0) {
      u32 lim = 0; while (due <= t && lim++ < 20000) { conn *c = &pub[seq++ % o.pubs]; if (c->state == ST_READY) { publish_n(c, 1, t > (u64)due ? (u64)due : t); if (!c->want_out) flush_conn(c); }
        if (o.poisson) { rng ^= rng << 13; rng ^= rng >> 7; rng ^= rng << 17; double u = ((rng >> 11) + 1) / 9007199254740993.0; due += -step * log(u); } else due += step; }
      t = now_ns(); long w = due > t ? (long)(due - t) : 0; poll_once(w > 10000000 ? 10000000 : w);
    } else {
      u32 cnt = 0; for (int i = 0; i < o.pubs; i++) { conn *c = &pub[(rr + i) % o.pubs]; if (c->state != ST_READY) continue; if (c->want_out) continue; u64 b = tot_sent; pump(c, t); if (tot_sent != b) cnt++; }
      rr = o.pubs ? (rr + 1) % o.pubs : 0; poll_once(cnt ? 0 : 5000000);
    }
  }
  double el = (now_ns() - m0) / 1e9, cpu = all_cpu() - c0, ucpu = all_ucpu() - uc0, self = self_cpu() - self0; u64 d = tot_recvd - r0, s = tot_sent - s0, a = tot_acked - a0; long rss = all_rss(); if (rss > rss_max) rss_max = rss;
  u64 x = o.subs ? d : (o.qos ? a : s); if (!x) x = 1;
  measuring = 0;
  /* drain, to see whether anything was lost */
  u64 td = now_ns(), last = tot_recvd, lt = td; u64 expect = (o.mode == MODE_PAIR ? tot_sent : tot_sent * o.subs);
  while (o.subs && tot_recvd < expect && now_ns() - td < 5000000000ull) { for (int i = 0; i < o.pubs; i++) if (pub[i].state == ST_READY && pub[i].want_out == 0 && pub[i].stage_len != pub[i].stage_off) flush_conn(&pub[i]); poll_once(50000000); if (tot_recvd != last) { last = tot_recvd; lt = now_ns(); } else if (now_ns() - lt > 1500000000ull) break; }
  double lost = o.subs && expect ? (double)((long)expect - (long)tot_recvd) : 0;
  const char *mn[] = { "pair", "fanin", "fanout", "idle" };
  printf("{\"label\":\"%s\",\"mode\":\"%s\",\"pubs\":%d,\"subs\":%d,\"qos\":%d,\"size\":%d,\"window\":%d,\"rate\":%g,\"secs\":%.2f,\"sent\":%llu,\"delivered\":%llu,\"acked\":%llu,\"msgs_per_s\":%.0f,\"broker_cpu_s\":%.2f,\"broker_cores\":%.2f,\"cpu_us_per_msg\":%.3f,\"user_us\":%.3f,\"sys_us\":%.3f,\"msgs_per_cpu_s\":%.0f,\"gen_cores\":%.2f,\"rss_mb\":%.1f,\"rss_max_mb\":%.1f,\"lat_us_p50\":%.0f,\"lat_us_p99\":%.0f,\"lat_us_max\":%.0f,\"undelivered\":%.0f,\"closed\":%llu}\n",
    o.label ? o.label : "", mn[o.mode], o.pubs, o.subs, o.qos, o.size, o.window, o.rate, el, (unsigned long long)s, (unsigned long long)d, (unsigned long long)a, (double)x / el, cpu, cpu / el, cpu * 1e6 / x, ucpu * 1e6 / x, (cpu - ucpu) * 1e6 / x, cpu > 0 ? x / cpu : 0.0, self / el,
    rss / 1024.0, rss_max / 1024.0, hist_q(.5) / 1e3, hist_q(.99) / 1e3, lat_max / 1e3, lost, (unsigned long long)tot_closed);
  return 0;
}
