/** Longest write that goes through the shared memory; a commit is rarely longer. */
export const sharedWriteBytes = 2 * 1024 * 1024

/** Cells (int32) of the memory that both ends of the writing thread share; the bytes to write stand behind them. */
export const Cell = {
  /** Number of the newest write asked for; the thread waits for it to change. */
  asked: 0,
  /** Number of the last write that is back. */
  done: 1,
  /** 1 while the asking thread sleeps until `done` changes: then no message is needed. */
  sleeping: 2,
  fd: 3,
  length: 4,
  /** Place in the file, in two halves. */
  atLow: 5,
  atHigh: 6,
  /** Bytes written; -1 when it failed: then the error's code and text stand where the bytes were. */
  written: 7,
  errorBytes: 8,
} as const

export const cellBytes = 64

/** Asks the thread to end. */
export const endFd = -2

export interface WriteMemory {
  readonly cells: Int32Array
  readonly bytes: Uint8Array
}

export const writeMemory = (shared: SharedArrayBuffer): WriteMemory => ({
  cells: new Int32Array(shared, 0, cellBytes / 4),
  bytes: new Uint8Array(shared, cellBytes),
})
