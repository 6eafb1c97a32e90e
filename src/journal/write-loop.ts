import fs from 'node:fs'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { Cell, endFd, type WriteMemory, writeMemory } from './write-cells.ts'

/** What runs in the writing thread: waits for a write, does it, says so; no event loop, no allocation per write. */
function run({ cells, bytes }: WriteMemory, port: MessagePort): void {
  for (let last = 0; ; ) {
    Atomics.wait(cells, Cell.asked, last)
    last = Atomics.load(cells, Cell.asked)
    const fd = cells[Cell.fd]!
    if (fd === endFd) return
    try {
      const at = cells[Cell.atHigh]! * 0x4000_0000 + cells[Cell.atLow]!
      cells[Cell.written] = fs.writeSync(fd, bytes, 0, cells[Cell.length]!, at)
    } catch (error) {
      tell(error as NodeJS.ErrnoException, cells, bytes)
    }
    Atomics.store(cells, Cell.done, last)
    Atomics.notify(cells, Cell.done)
    if (Atomics.load(cells, Cell.sleeping) === 0) port.postMessage(last)
  }
}

function tell({ code, message }: NodeJS.ErrnoException, cells: Int32Array, bytes: Uint8Array): void {
  const text = new TextEncoder().encode(JSON.stringify({ code, message }))
  bytes.set(text)
  cells[Cell.errorBytes] = text.length
  cells[Cell.written] = -1
}

run(writeMemory(workerData as SharedArrayBuffer), parentPort!)
