import { parentPort } from 'node:worker_threads'
import { formats } from '../registry/formats/formats.ts'
import type { TrialOrder } from './schema-trial.ts'

/** The thread of `schema-trial`: compiles what it is given, and says when it is done. What is wrong is told elsewhere. */
parentPort?.on('message', ({ format, text, referenced }: TrialOrder) => {
  formats.get(format)?.compile(text, referenced)
  parentPort?.postMessage(null)
})

// All that compiling needs is loaded now: the clock may run.
parentPort?.postMessage(null)
