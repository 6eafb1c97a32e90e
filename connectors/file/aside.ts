import { basename, dirname, join } from 'node:path'
import type { Disk } from './disk.ts'

/** A free name beside a file, with the time: `a.2026-11-20T131500Z.jsonl`, and `…Z-2` where that is taken. */
export async function asideName(disk: Disk, path: string, ending: string, nowMs: number): Promise<string> {
  const stem = path.endsWith(ending) ? path.slice(0, -ending.length) : path
  const time = new Date(nowMs).toISOString().slice(0, 19).replaceAll(':', '')
  for (let count = 1; ; count++) {
    const name = `${stem}.${time}Z${count === 1 ? '' : `-${count}`}${ending}`
    if (!(await disk.exists(name))) return name
  }
}

/** Removes the oldest files that were put aside from `path`, but for the `keep` newest. */
export async function prune(disk: Disk, path: string, ending: string, keep: number): Promise<void> {
  const folder = dirname(path)
  const stem = `${basename(path).slice(0, -ending.length)}.`
  const aside: { name: string; time: string; count: number }[] = []
  for (const name of await disk.list(folder)) {
    if (!name.startsWith(stem) || !name.endsWith(ending)) continue
    const found = /^(\d{4}-\d\d-\d\dT\d{6})Z(?:-(\d+))?$/.exec(name.slice(stem.length, -ending.length))
    if (found !== null) aside.push({ name, time: found[1]!, count: Number(found[2] ?? 1) })
  }
  aside.sort((one, other) => (one.time === other.time ? one.count - other.count : one.time < other.time ? -1 : 1))
  for (const { name } of aside.slice(0, Math.max(0, aside.length - keep))) await disk.remove(join(folder, name))
}
