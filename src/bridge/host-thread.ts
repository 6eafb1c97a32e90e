/** The connector thread's entry: a host behind the port to its parent. */
import { parentPort } from 'node:worker_threads'
import type { BoundaryPort, FromHost, ToHost } from './boundary.ts'
import { runHost } from './host.ts'

if (parentPort === null) throw new Error('host-thread is started as a worker')
runHost(parentPort as BoundaryPort<FromHost, ToHost>)
