import fs from 'node:fs'

/**
 * What the journal's writing asks of the disk; tests hand in one that fails. All calls end through Node's thread pool, or the
 * journal's own thread (`write-thread`).
 *
 * *Errors*: Node's own, with `code` (ENOSPC, EIO …).
 */
export interface FileSystemPort {
  /** Makes (or empties) a file for writing; with `sync` every write is back only when the disk has it. */
  create(path: string, sync: boolean): Promise<number>
  /** Writes once; `written` may be less than asked for. */
  write(
    fd: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    at: number,
    done: (error: Error | null, written: number) => void,
  ): void
  /** Sleeps until the write under way is back and its `done` was called, at most so long; where that can be done. */
  awaitWrite?(maxMs: number): void
  /** Frees what it holds; nothing may be under way. */
  end?(): Promise<void>
  truncate(fd: number, sizeBytes: number): Promise<void>
  close(fd: number): Promise<void>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  /** Makes creations, renames and removals in a folder last. */
  syncFolder(path: string): Promise<void>
}

const syncFlag = fs.constants.O_DSYNC ?? fs.constants.O_SYNC

/** The real disk. */
export const nodeFileSystem: FileSystemPort = {
  async create(path, sync) {
    const { O_WRONLY, O_CREAT, O_TRUNC } = fs.constants
    if (sync && syncFlag === undefined) throw new Error('this system cannot open a file for synchronous writing')
    return new Promise((resolve, reject) => {
      fs.open(path, O_WRONLY | O_CREAT | O_TRUNC | (sync ? syncFlag : 0), 0o640, (error, fd) =>
        error ? reject(error) : resolve(fd),
      )
    })
  },
  write(fd, bytes, offset, length, at, done) {
    fs.write(fd, bytes, offset, length, at, done)
  },
  truncate: (fd, sizeBytes) =>
    new Promise((resolve, reject) => {
      fs.ftruncate(fd, sizeBytes, (error) => (error ? reject(error) : resolve()))
    }),
  close: (fd) =>
    new Promise((resolve, reject) => {
      fs.close(fd, (error) => (error ? reject(error) : resolve()))
    }),
  rename: (from, to) => fs.promises.rename(from, to),
  unlink: (path) => fs.promises.unlink(path),
  async syncFolder(path) {
    // Windows cannot open a folder; NTFS journals its names itself.
    if (process.platform === 'win32') return
    const folder = await fs.promises.open(path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  },
}
