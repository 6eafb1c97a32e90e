import { constants } from 'node:fs'
import { access, type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** An open file that is written at places of the caller's choosing. */
export interface DiskFile {
  /** Length when it was opened. *Unit*: bytes. */
  readonly sizeBytes: number
  /** When it came into being, as far as the file system knows. *Unit*: ms since the epoch. */
  readonly bornMs: number
  read(from: number, to: number): Promise<Buffer>
  /** Writes all of it or throws; then some of it may be there. */
  write(bytes: Buffer, at: number): Promise<void>
  sync(): Promise<void>
  truncate(sizeBytes: number): Promise<void>
  close(): Promise<void>
}

/** What the sink does to the file system, step by step; tests end the process between any two of them. */
export interface Disk {
  makeFolder(path: string): Promise<void>
  /** Opens for reading and writing; makes it when it is not there. */
  open(path: string): Promise<DiskFile>
  exists(path: string): Promise<boolean>
  read(path: string): Promise<Buffer | null>
  rename(from: string, to: string): Promise<void>
  /** Names in a folder. */
  list(path: string): Promise<string[]>
  remove(path: string): Promise<void>
  /** Makes the names in a folder durable. */
  syncFolder(path: string): Promise<void>
}

/** The file system of this machine. */
export const realDisk: Disk = {
  async makeFolder(path) {
    await mkdir(path, { recursive: true })
  },
  async open(path) {
    const flags = constants.O_RDWR | constants.O_CREAT
    const handle = await open(path, flags, 0o644).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      await mkdir(dirname(path), { recursive: true })
      return open(path, flags, 0o644)
    })
    const { size, birthtimeMs } = await handle.stat()
    return diskFile(handle, size, birthtimeMs)
  },
  exists: (path) =>
    access(path).then(
      () => true,
      () => false,
    ),
  read: (path) =>
    readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    }),
  rename,
  list: (path) => readdir(path),
  remove: (path) => rm(path, { force: true }),
  async syncFolder(path) {
    const handle = await open(path, 'r')
    await handle.sync().finally(() => handle.close())
  },
}

const diskFile = (handle: FileHandle, sizeBytes: number, bornMs: number): DiskFile => ({
  sizeBytes,
  bornMs,
  async read(from, to) {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(to - from), 0, to - from, from)
    return buffer.subarray(0, bytesRead)
  },
  async write(bytes, at) {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done)
      done += bytesWritten
    }
  },
  sync: () => handle.datasync(),
  truncate: (size) => handle.truncate(size),
  close: () => handle.close(),
})
