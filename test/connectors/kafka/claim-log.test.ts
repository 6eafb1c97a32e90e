import assert from 'node:assert/strict'
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ClaimLog, type Entry } from '../../../connectors/kafka/claim-log.ts'
import { codecs } from '../../../connectors/kafka/codecs.ts'
import { recall } from '../../../connectors/kafka/recall.ts'
import { RecordBatchWriter } from '../../../connectors/kafka/record-batch.ts'
import { deliveries } from '../../support/delivery.ts'
import { newFolder } from './kafka-life.ts'

const origin: Entry = { kind: 'origin', topic: 'cluster', topicId: 'boot-1', partition: 0, offset: 0, batch: null }
const make = deliveries()

/** A batch of so many deliveries, and their ids. */
async function newBatch(count: number, sequence = 0): Promise<{ batch: Buffer; ids: string[] }> {
  const writer = new RecordBatchWriter('hub', true)
  const all = Array.from({ length: count }, () => make())
  writer.begin()
  for (const delivery of all) writer.add(delivery, 1e9)
  return { batch: await writer.finish(codecs.none, { id: 7n, epoch: 0 }, sequence), ids: all.map(({ id }) => id) }
}

const entry = (kind: Entry['kind'], partition: number, batch: Buffer | null = null): Entry => ({
  kind,
  topic: 'tøpic',
  topicId: 'an-id',
  partition,
  offset: 42,
  batch,
})
const none = (): Entry[] => []
const recalled = (folder: string, committed = 0, boot = 'boot-1') =>
  recall(new ClaimLog(folder).read().frames, 'cluster', boot, committed)

describe('the claim log', () => {
  test('gives back what was written, through a second life and a third', async () => {
    const folder = newFolder()
    const [one, two, three] = [await newBatch(3), await newBatch(2), await newBatch(4)]
    const first = new ClaimLog(folder)
    first.read()
    first.append([entry('claim', 0, one.batch), entry('claim', 1, two.batch)], 0, origin, none)
    const second = new ClaimLog(folder)
    second.read()
    second.append([entry('written', 0), entry('claim', 0, three.batch)], 0, { ...origin, topicId: 'boot-2' }, () => [
      entry('claim', 0, one.batch),
      entry('claim', 1, two.batch),
    ])
    const found = recalled(folder, 0, 'boot-3')
    assert.deepEqual([...found.written.keys()], one.ids)
    assert.deepEqual(
      found.open.map(({ partition, batch, offset, topic }) => [
        partition,
        batch!.equals(partition === 0 ? three.batch : two.batch),
        offset,
        topic,
      ]),
      [
        [1, true, 42, 'tøpic'],
        [0, true, 42, 'tøpic'],
      ],
    )
    assert.deepEqual([found.isClosed, found.isOtherBoot], [false, true])
  })

  test('says nothing of another cluster', async () => {
    const folder = newFolder()
    const log = new ClaimLog(folder)
    log.read()
    log.append([entry('claim', 0, (await newBatch(3)).batch)], 0, { ...origin, topic: 'elsewhere' }, none)
    assert.deepEqual(recalled(folder).open, [])
  })

  test('cut off anywhere, it gives back a beginning of what was written, and never half a batch', async () => {
    const folder = newFolder()
    const log = new ClaimLog(folder)
    log.read()
    const all = [await newBatch(3), await newBatch(5), await newBatch(2)]
    for (const { batch } of all) log.append([entry('written', 0), entry('claim', 0, batch)], 0, origin, none)
    const path = join(folder, 'claims-0').replace(/0$/, readFileSync(join(folder, 'claims-1')).length > 0 ? '1' : '0')
    const bytes = readFileSync(path)
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: bytes.length }), fc.boolean(), async (length, isTorn) => {
        // A torn write leaves what was there before, here: nothing but zeros.
        if (isTorn) writeFileSync(path, Buffer.concat([bytes.subarray(0, length), Buffer.alloc(bytes.length - length)]))
        else {
          writeFileSync(path, bytes)
          truncateSync(path, length)
        }
        const { open, written } = recalled(folder)
        const known = all.flatMap(({ ids }) => ids)
        assert.deepEqual([...written.keys()], known.slice(0, written.size))
        for (const claim of open) assert.ok(all.some(({ batch }) => claim.batch!.equals(batch)))
      }),
      { numRuns: 300 },
    )
  })

  test('stays small, and carries what is open from file to file', async () => {
    const folder = newFolder()
    const log = new ClaimLog(folder)
    log.read()
    const stuck = await newBatch(3)
    log.append([entry('claim', 9, stuck.batch)], 0, origin, none)
    const { batch } = await newBatch(2000)
    const startMs = performance.now()
    while (performance.now() - startMs < 3500) {
      log.append([entry('written', 0), entry('claim', 0, batch)], 0, origin, () => [entry('claim', 9, stuck.batch)])
      await new Promise((done) => setTimeout(done, 10))
    }
    const sizes = ['claims-0', 'claims-1'].map((name) => statSync(join(folder, name)).size)
    assert.ok(
      sizes.every((size) => size > 4e6),
      `both were used: ${sizes}`,
    )
    const found = recalled(folder)
    assert.ok(found.open.some(({ partition, batch: kept }) => partition === 9 && kept!.equals(stuck.batch)))
  })

  test('of transactions, those count that were committed, under a number its last round', async () => {
    const folder = newFolder()
    const log = new ClaimLog(folder)
    log.read()
    const [aborted, again, last] = [await newBatch(2), await newBatch(2), await newBatch(2)]
    log.append([entry('claim', 0, aborted.batch)], 1, origin, none)
    log.append([entry('claim', 0, again.batch)], 1, origin, none)
    log.append([entry('claim', 0, last.batch)], 2, origin, none)
    assert.deepEqual([...recalled(folder, 1).written.keys()], again.ids)
    assert.deepEqual([...recalled(folder, 2).written.keys()], [...again.ids, ...last.ids])
    assert.deepEqual(recalled(folder, 0).written.size, 0)
    assert.equal(recalled(folder, 0).transaction, 2)
  })
})
