import type { Disk, DiskFile } from './disk.ts'

export type Repaired = {
  readonly event: 'file.cut-back' | 'file.shorter-than-known'
  readonly sizeBytes: number
} | null

/**
 * Cuts a file back to what counts. One that is shorter, because the disk was not waited for and the power went, ends
 * behind its last whole line; where lines cannot be found (`isLines` is false) it is put aside under `asideName`.
 */
export async function repair(
  disk: Disk,
  path: string,
  counts: number,
  isLines: boolean,
  asideName: () => Promise<string>,
): Promise<Repaired> {
  if (!(await disk.exists(path))) return null
  const file = await disk.open(path)
  const { sizeBytes } = file
  try {
    if (sizeBytes === counts) return null
    if (sizeBytes > counts) await file.truncate(counts)
    else if (isLines) await file.truncate(await endOfLastLine(file))
    await file.sync()
  } finally {
    await file.close()
  }
  if (sizeBytes > counts) return { event: 'file.cut-back', sizeBytes }
  if (!isLines) await disk.rename(path, await asideName())
  return { event: 'file.shorter-than-known', sizeBytes }
}

async function endOfLastLine(file: DiskFile): Promise<number> {
  const window = 1 << 16
  for (let end = file.sizeBytes; end > 0; end -= window) {
    const from = Math.max(0, end - window)
    const found = (await file.read(from, end)).lastIndexOf(0x0a)
    if (found >= 0) return from + found + 1
  }
  return 0
}
