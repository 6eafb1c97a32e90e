import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  type Assignment,
  assignorsOf,
  difference,
  type Member,
} from '../../../../connectors/kafka/consumer/assignors.ts'

const topics = ['a', 'b', 'c']
const groups = fc.record({
  wants: fc.array(fc.subarray(topics, { minLength: 1 }), { minLength: 1, maxLength: 6 }),
  counts: fc
    .tuple(fc.nat(7), fc.nat(7), fc.nat(7))
    .map((each) => new Map(topics.map((topic, at) => [topic, each[at]!]))),
})
const memberOf = (
  id: string,
  wanted: readonly string[],
  owned = new Map<string, number[]>(),
  generation = -1,
): Member => ({
  id,
  instanceId: null,
  topics: wanted,
  owned,
  generation,
})

/** `topic:index` to owner; no partition may have two. */
function ownersIn(assignment: Assignment): Map<string, string> {
  const owners = new Map<string, string>()
  for (const [id, partitions] of assignment) {
    for (const [topic, indexes] of partitions) {
      for (const index of indexes) {
        assert.ok(!owners.has(`${topic}:${index}`), `${topic}:${index} has two owners`)
        owners.set(`${topic}:${index}`, id)
      }
    }
  }
  return owners
}

function assertComplete(assignment: Assignment, members: readonly Member[], counts: ReadonlyMap<string, number>): void {
  const owners = ownersIn(assignment)
  for (const [topic, count] of counts) {
    const wanted = members.filter((member) => member.topics.includes(topic)).map(({ id }) => id)
    for (let index = 0; index < count; index++) {
      const owner = owners.get(`${topic}:${index}`)
      if (wanted.length === 0) assert.equal(owner, undefined)
      else assert.ok(owner !== undefined && wanted.includes(owner), `${topic}:${index} belongs to ${owner}`)
    }
  }
}

describe('sharing partitions', () => {
  for (const choice of ['range', 'roundrobin'] as const) {
    test(`by ${choice} gives each to one member who wants it`, () => {
      fc.assert(
        fc.property(groups, ({ wants, counts }) => {
          const members = wants.map((wanted, at) => memberOf(`m${at}`, wanted))
          for (const assignor of assignorsOf(choice)) assertComplete(assignor.assign(members, counts), members, counts)
        }),
      )
    })
  }

  test('by range and round robin is as the Java clients do it', () => {
    const members = [memberOf('m2', ['a', 'b']), memberOf('m1', ['a', 'b'])]
    const counts = new Map([
      ['a', 3],
      ['b', 3],
    ])
    const shown = (choice: 'range' | 'roundrobin'): unknown =>
      Object.fromEntries(
        [...assignorsOf(choice)[0]!.assign(members, counts)].map(([id, all]) => [id, Object.fromEntries(all)]),
      )
    // Examples of the Java documentation of RangeAssignor and RoundRobinAssignor.
    assert.deepEqual(shown('range'), { m1: { a: [0, 1], b: [0, 1] }, m2: { a: [2], b: [2] } })
    assert.deepEqual(shown('roundrobin'), { m1: { a: [0, 2], b: [1] }, m2: { a: [1], b: [0, 2] } })
  })

  test('cooperatively takes nothing from its owner for another in one round, and ends level', () => {
    const [assignor] = assignorsOf('cooperative-sticky')
    const steps = fc.array(fc.constantFrom('join', 'leave'), { maxLength: 6 })
    fc.assert(
      fc.property(groups, steps, ({ counts }, changes) => {
        let members = [memberOf('m0', topics)]
        let next = 1
        let generation = 0
        for (const change of ['', ...changes]) {
          if (change === 'join') members = [...members, memberOf(`m${next++}`, topics)]
          if (change === 'leave' && members.length > 1) members = members.slice(1)
          for (let round = 0; round < 3; round++) {
            const before = new Map(members.flatMap(({ id, owned }) => placesOf(owned).map((place) => [place, id])))
            const assignment = assignor!.assign(members, counts)
            for (const [place, id] of ownersIn(assignment)) {
              assert.ok((before.get(place) ?? id) === id, `${place} goes from ${before.get(place)} to ${id} at once`)
            }
            generation++
            members = members.map(({ id, topics: wanted }) => memberOf(id, wanted, assignment.get(id)!, generation))
          }
          assertComplete(
            new Map(members.map(({ id, owned }) => [id, new Map(owned) as Map<string, number[]>])),
            members,
            counts,
          )
          const sizes = members.map(({ owned }) => placesOf(owned).length)
          assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `shares of ${sizes}`)
          const again = ownersIn(assignor!.assign(members, counts))
          for (const { id, owned } of members) for (const place of placesOf(owned)) assert.equal(again.get(place), id)
        }
      }),
    )
  })

  test('cooperatively believes no claim of an older generation, and none that two make', () => {
    const [assignor] = assignorsOf('cooperative-sticky')
    const owned = new Map([['a', [0]]])
    const counts = new Map([['a', 1]])
    const stale = [memberOf('m1', ['a'], owned, 4), memberOf('m2', ['a'], owned, 5)]
    assert.equal(ownersIn(assignor!.assign(stale, counts)).get('a:0'), 'm2')
    const both = [memberOf('m1', ['a'], owned, 5), memberOf('m2', ['a'], owned, 5)]
    assert.equal(ownersIn(assignor!.assign(both, counts)).size, 0, 'it is given to nobody until both have let go')
  })

  test('tells what is in one and not in the other', () => {
    const all = new Map([
      ['a', [0, 1]],
      ['b', [0]],
    ])
    assert.deepEqual(
      difference(all, new Map([['a', [1]]])),
      new Map([
        ['a', [0]],
        ['b', [0]],
      ]),
    )
    assert.deepEqual(difference(all, all), new Map())
  })
})

const placesOf = (owned: Member['owned']): string[] =>
  [...owned].flatMap(([topic, indexes]) => indexes.map((index) => `${topic}:${index}`))
