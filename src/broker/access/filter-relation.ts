/** Whether every topic that `asked` matches is matched by `given` too. Both are valid filters. */
export function covers(given: string, asked: string): boolean {
  const [g, a] = [given.split('/'), asked.split('/')]
  // A wildcard in front matches no topic that begins with $. [MQTT-4.7.2-1]
  if (isWild(g[0]!) && a[0]!.startsWith('$')) return false
  for (let i = 0; i < g.length; i++) {
    if (g[i] === '#') return true
    if (i === a.length || a[i] === '#' || (g[i] !== '+' && g[i] !== a[i])) return false
  }
  return g.length === a.length
}

/** Whether some topic is matched by both. */
export function overlaps(one: string, other: string): boolean {
  const [a, b] = [one.split('/'), other.split('/')]
  if ((isWild(a[0]!) && b[0]!.startsWith('$')) || (isWild(b[0]!) && a[0]!.startsWith('$'))) return false
  for (let i = 0; ; i++) {
    // `a/#` matches `a` too, so a # one level further still does.
    if (a[i] === '#' || b[i] === '#') return true
    if (i >= a.length || i >= b.length) return a.length === b.length
    if (a[i] !== '+' && b[i] !== '+' && a[i] !== b[i]) return false
  }
}

const isWild = (level: string): boolean => level === '+' || level === '#'
