import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AssignerProtocol } from 'kafkajs'
import {
  readAssignment,
  readSubscription,
  writeAssignment,
  writeSubscription,
} from '../../../../connectors/kafka/consumer/member-protocol.ts'

const partitions = fc
  .dictionary(fc.string({ minLength: 1, maxLength: 8 }), fc.array(fc.nat(99), { minLength: 1, maxLength: 4 }))
  .map((given) => new Map(Object.entries(given)))

test('what members tell each other comes out as it went in', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), partitions, fc.integer({ min: -1, max: 99 }), (topics, owned, generation) => {
      assert.deepEqual(readSubscription(writeSubscription({ topics, owned, generation })), {
        topics,
        owned,
        generation,
      })
      assert.deepEqual(readAssignment(writeAssignment(owned)), owned)
    }),
  )
})

test('kafkajs reads ours, and we read what kafkajs writes', () => {
  const owned = new Map([['orders', [0, 2]]])
  const theirs = AssignerProtocol.MemberMetadata.decode(writeSubscription({ topics: ['orders'], owned, generation: 3 }))
  assert.deepEqual(theirs?.topics, ['orders'])
  assert.deepEqual(AssignerProtocol.MemberAssignment.decode(writeAssignment(owned))?.assignment, { orders: [0, 2] })
  const metadata = AssignerProtocol.MemberMetadata.encode({ version: 1, topics: ['a', 'b'], userData: Buffer.alloc(0) })
  assert.deepEqual(readSubscription(metadata).topics, ['a', 'b'])
  const assignment = AssignerProtocol.MemberAssignment.encode({
    version: 1,
    assignment: { a: [1], b: [0, 3] },
    userData: Buffer.alloc(0),
  })
  assert.deepEqual(Object.fromEntries(readAssignment(assignment)), { a: [1], b: [0, 3] })
})

test('the generation of an older Java client is in its user data', () => {
  // version 1, topics ["t"], user data INT32 7, owned []
  const bytes = Buffer.from('0001000000010001740000000400000007' + '00000000', 'hex')
  assert.deepEqual(readSubscription(bytes), { topics: ['t'], owned: new Map(), generation: 7 })
})

test('nothing assigned, or a message cut anywhere, is read without a fault', () => {
  assert.deepEqual(readAssignment(Buffer.alloc(0)), new Map())
  const whole = writeSubscription({ topics: ['a'], owned: new Map([['a', [1, 2]]]), generation: 3 })
  for (let size = 0; size < whole.length; size++) readSubscription(whole.subarray(0, size))
})
