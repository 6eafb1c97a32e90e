import { Worker } from 'node:worker_threads'
import { type FileSystemPort, nodeFileSystem } from './file-system.ts'
import { Cell, cellBytes, endFd, sharedWriteBytes, type WriteMemory, writeMemory } from './write-cells.ts'

type Done = (error: Error | null, written: number) => void

/**
 * The real disk, with the writes in a thread of their own instead of Node's pool, so that the event loop can sleep until
 * a write is back (`awaitWrite`) rather than for a time: what waits for the write is then told at once. One write at a
 * time goes there; others, and those too long for the shared memory, go the ordinary way. Should the thread end, all do.
 */
export class WriteThread implements FileSystemPort {
  readonly create = nodeFileSystem.create
  readonly truncate = nodeFileSystem.truncate
  readonly close = nodeFileSystem.close
  readonly rename = nodeFileSystem.rename
  readonly unlink = nodeFileSystem.unlink
  readonly syncFolder = nodeFileSystem.syncFolder
  readonly #memory: WriteMemory
  readonly #worker: Worker
  #number = 0
  #done: Done | null = null
  #ended = false

  constructor() {
    const shared = new SharedArrayBuffer(cellBytes + sharedWriteBytes)
    this.#memory = writeMemory(shared)
    // Sources run as they are, the published package runs what was built from them: the neighbour has our own ending.
    const entry = new URL(`./write-loop${import.meta.url.slice(-3)}`, import.meta.url)
    this.#worker = new Worker(entry, {
      name: 'journal',
      workerData: shared,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
    })
    this.#worker.unref()
    this.#worker.on('message', (number: number) => {
      if (number === this.#number) this.#finish()
    })
    this.#worker.on('error', (error) => this.#lose(error))
    this.#worker.on('exit', () => this.#lose(new Error('the writing thread has ended')))
  }

  write(fd: number, bytes: Uint8Array, offset: number, length: number, at: number, done: Done): void {
    if (this.#ended || this.#done !== null || length > sharedWriteBytes) {
      nodeFileSystem.write(fd, bytes, offset, length, at, done)
      return
    }
    const { cells, bytes: shared } = this.#memory
    this.#done = done
    this.#number = (this.#number + 1) | 0
    shared.set(bytes.subarray(offset, offset + length))
    cells[Cell.fd] = fd
    cells[Cell.length] = length
    cells[Cell.atLow] = at % 0x4000_0000
    cells[Cell.atHigh] = Math.floor(at / 0x4000_0000)
    Atomics.store(cells, Cell.asked, this.#number)
    Atomics.notify(cells, Cell.asked)
  }

  /** Sleeps until the write under way is back and its `done` was called, at most so long; at once when there is none. */
  awaitWrite(maxMs: number): void {
    if (this.#done === null || this.#ended) return
    const { cells } = this.#memory
    const number = this.#number
    Atomics.store(cells, Cell.sleeping, 1)
    Atomics.wait(cells, Cell.done, (number - 1) | 0, maxMs)
    Atomics.store(cells, Cell.sleeping, 0)
    // Either it is seen here that the write is back, or the thread has seen that nobody sleeps and sends a message.
    if (Atomics.load(cells, Cell.done) === number) this.#finish()
  }

  /** Ends the thread; no write may be under way. */
  async end(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    const { cells } = this.#memory
    cells[Cell.fd] = endFd
    Atomics.store(cells, Cell.asked, (this.#number + 1) | 0)
    Atomics.notify(cells, Cell.asked)
    await this.#worker.terminate()
  }

  #finish(): void {
    const done = this.#done
    if (done === null) return
    this.#done = null
    const { cells, bytes } = this.#memory
    const written = cells[Cell.written]!
    if (written >= 0) done(null, written)
    else done(errorIn(bytes.slice(0, cells[Cell.errorBytes]!)), 0)
  }

  /** Nothing says what became of the write under way: it failed. */
  #lose(error: Error): void {
    this.#ended = true
    const done = this.#done
    this.#done = null
    done?.(error, 0)
  }
}

const errorIn = (text: Uint8Array): Error => {
  const { code, message } = JSON.parse(new TextDecoder().decode(text)) as { code: string; message: string }
  return Object.assign(new Error(message), { code })
}
