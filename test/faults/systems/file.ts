import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FarSystem, type RunningSystem, seenIn } from '../far-system.ts'

const noServer = 'files have no server'

/** Files: no line twice, whatever happens to the hub. */
export const file: FarSystem = {
  name: 'file',
  mayRepeat: false,
  without: { 'server killed': noServer, 'server stopped': noServer, 'half-open': noServer },
  missing: async () => false,
  start,
}

async function start(): Promise<RunningSystem> {
  const folder = await mkdtemp(join(tmpdir(), 'trestle-faults-'))
  const never = async (): Promise<void> => {
    throw new Error(noServer)
  }
  return {
    address: '',
    entry: (reads) => (reads === null ? { type: 'file', path: folder } : null),
    target: (address) => `file: ${address}`,
    kill: never,
    stopCleanly: never,
    restart: never,
    drop: () => {},
    heal: () => {},
    put: never,
    async readAll() {
      const names = (await readdir(folder)).filter((name) => name.endsWith('.jsonl')).sort()
      const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
      return texts
        .flatMap((text) => text.split('\n').filter((line) => line !== ''))
        .map((line) => {
          const { id, payload } = JSON.parse(line) as { id: string; payload: unknown }
          return seenIn(JSON.stringify(payload), id)
        })
    },
    dispose: () => rm(folder, { recursive: true, force: true }),
  }
}
