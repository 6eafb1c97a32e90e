import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts, type Server, startProcess, waitFor } from '../../services/process.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { type FarSystem, type RunningSystem, seenIn } from '../far-system.ts'

const receiver = fileURLToPath(new URL('../../support/webhook-receiver.ts', import.meta.url))

/**
 * HTTP: a receiver in a process of its own, which remembers no keys, so that a request whose answer was lost is there twice;
 * and Node's own fetch, which posts to the hub and is the client of a server that may be killed: the hub.
 */
export const http: FarSystem = {
  name: 'http',
  mayRepeat: true,
  missing: async () => false,
  start,
}

async function start(): Promise<RunningSystem> {
  const folder = await mkdtemp(join(tmpdir(), 'trestle-http-'))
  const file = join(folder, 'received')
  const [port, hubPort] = (await freePorts(2)) as [number, number]
  const begin = async (): Promise<Server> => {
    const server = startProcess(process.execPath, [receiver, `${port}`, file])
    await waitFor('the receiver', 20_000, () => server.output().includes('ready'))
    return server
  }
  let server = await begin()
  const proxy = await FaultProxy.create(port)
  return {
    address: `127.0.0.1:${port}`,
    entry: (reads) => ({
      type: 'http',
      url: `http://127.0.0.1:${proxy.port}`,
      timeout_ms: 2000,
      ...(reads === null
        ? {}
        : {
            listen: { address: `127.0.0.1:${hubPort}` },
            sources: [{ path: `/${reads.address}/{device}`, publish: reads.publish }],
          }),
    }),
    target: (address) => `url: "/${address}/\${device}"`,
    kill: () => server.end('SIGKILL'),
    stopCleanly: () => server.end('SIGTERM'),
    async restart() {
      await server.end('SIGKILL')
      server = await begin()
    },
    drop: () => proxy.drop(),
    heal: () => proxy.heal(),
    async put(records) {
      const byKey = Map.groupBy(records, ({ key }) => key)
      await Promise.all(
        [...byKey].map(async ([key, list]) => {
          // One after the other: the order of a key is the order of its answers.
          for (const { value } of list) {
            const url = `http://127.0.0.1:${hubPort}/inward/${key}`
            const answer = await fetch(url, { method: 'POST', body: value, signal: AbortSignal.timeout(5000) })
            await answer.arrayBuffer()
            if (!answer.ok) throw new Error(`${answer.status}`)
          }
        }),
      )
    },
    async readAll() {
      const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.endsWith('}'))
      return lines
        .map((line) => JSON.parse(line) as { id: string; url: string; payload: string })
        .filter(({ url }) => url.startsWith('/outward/'))
        .map(({ id, payload }) => seenIn(payload, id))
    },
    async dispose() {
      await server.end('SIGKILL')
      await proxy.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
