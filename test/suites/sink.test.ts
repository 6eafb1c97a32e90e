import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sink } from 'trestle/contract'
import { connectorContext } from '../support/delivery.ts'
import line from '../support/line-connector.ts'
import memory, { farSideOf, farSides } from '../support/memory-connector.ts'
import { sinkSuite } from './sink.ts'

sinkSuite('the memory connector', {
  make: async () => {
    farSides.clear()
    const make = (): Sink => memory.createSink!({} as never, connectorContext('.')) as Sink
    return { sink: make(), again: make, readBack: async () => farSideOf('lake').arrived, stop: async () => {} }
  },
})

sinkSuite('the line connector', {
  withoutKeys: true,
  make: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'trestle-line-'))
    const path = join(folder, 'out.txt')
    const make = (): Sink => line.createSink!({ path } as never, connectorContext(folder)) as Sink
    const readBack = async () => {
      const read = readFileSync(path, 'utf8').trimEnd().split('\n')
      return read.map((text) => ({ id: text.split(' ')[0]!, key: null, value: text.slice(text.indexOf('{')) }))
    }
    return { sink: make(), again: make, readBack, stop: async () => rmSync(folder, { recursive: true }) }
  },
})
