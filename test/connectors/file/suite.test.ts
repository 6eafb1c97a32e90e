import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sink } from 'trestle/contract'
import file from '../../../connectors/file/index.ts'
import { sinkSuite } from '../../suites/sink.ts'
import { connectorContext } from '../../support/delivery.ts'

sinkSuite('a file', {
  async make() {
    const path = await mkdtemp(join(tmpdir(), 'trestle-file-'))
    const again = (): Sink => file.createSink!({ path } as unknown as never, connectorContext(path)) as Sink
    return {
      sink: again(),
      again,
      async readBack() {
        const lines = (await readFile(join(path, 'messages.jsonl'), 'utf8')).split('\n').slice(0, -1)
        return lines.map((line) => {
          const { id, key, payload } = JSON.parse(line)
          return { id, key, value: JSON.stringify(payload) }
        })
      },
      stop: () => rm(path, { recursive: true, force: true }),
    }
  },
})
