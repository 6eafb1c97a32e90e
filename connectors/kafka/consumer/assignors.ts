import type { Partitions, Subscription } from './member-protocol.ts'

/** A member of the group, as the leader sees it. */
export interface Member extends Subscription {
  readonly id: string
  /** Of a static member; it outlives the id. */
  readonly instanceId: string | null
}

export type Assignment = Map<string, Map<string, number[]>>

/** A way to share partitions, under the name that other clients know. */
export interface Assignor {
  readonly name: string
  /** What a member loses it gives up first; the others get it in the next round. */
  readonly cooperative: boolean
  /** Shares the partitions (`counts`: topic to number) among the members. */
  assign(members: readonly Member[], counts: ReadonlyMap<string, number>): Assignment
}

type Choice = 'cooperative-sticky' | 'range' | 'roundrobin'

/** What a member that was configured so offers, its favourite first. */
export const assignorsOf = (choice: Choice): readonly Assignor[] => offers[choice]

/** Per topic: the partitions in as many ranges as there are members who want it. *Source*: Java RangeAssignor. */
function assignRanges(members: readonly Member[], counts: ReadonlyMap<string, number>): Assignment {
  const assignment = emptyFor(members)
  for (const [topic, count] of counts) {
    const takers = inOrder(members.filter(({ topics }) => topics.includes(topic)))
    if (takers.length === 0) continue
    const share = Math.floor(count / takers.length)
    const extra = count % takers.length
    let index = 0
    for (const [place, { id }] of takers.entries()) {
      for (let left = share + (place < extra ? 1 : 0); left > 0; left--) give(assignment, id, topic, index++)
    }
  }
  return assignment
}

/** All partitions in a row, dealt like cards to who wants the topic. *Source*: Java RoundRobinAssignor. */
function assignRoundRobin(members: readonly Member[], counts: ReadonlyMap<string, number>): Assignment {
  const assignment = emptyFor(members)
  const players = inOrder(members)
  let turn = 0
  for (const [topic, index] of inRow(counts)) {
    if (!players.some(({ topics }) => topics.includes(topic))) continue
    while (!players[turn % players.length]!.topics.includes(topic)) turn++
    give(assignment, players[turn++ % players.length]!.id, topic, index)
  }
  return assignment
}

/**
 * Each keeps what it has as long as none has two more than another; what must move is given to nobody in this round,
 * so that its owner gives it up before another begins. *Source*: KIP-429.
 */
function assignSticky(members: readonly Member[], counts: ReadonlyMap<string, number>): Assignment {
  const owners = ownersOf(members, counts)
  const shares = new Map(inOrder(members).map((member) => [member.id, { member, held: [] as Held[] }]))
  const free: Held[] = []
  for (const [topic, index] of inRow(counts)) {
    const owner = owners.get(`${topic}:${index}`)
    const share = owner === undefined ? undefined : shares.get(owner)
    if (share?.member.topics.includes(topic)) share.held.push([topic, index])
    else free.push([topic, index])
  }
  for (const held of free) leastOf([...shares.values()], held[0])?.held.push(held)
  level([...shares.values()])
  const assignment = emptyFor(members)
  for (const [id, { held }] of shares) {
    for (const [topic, index] of held) {
      const owner = owners.get(`${topic}:${index}`)
      if (owner === undefined || owner === id) give(assignment, id, topic, index)
    }
  }
  return assignment
}

type Held = readonly [topic: string, index: number]

interface Share {
  readonly member: Member
  readonly held: Held[]
}

/** Who has what by their own word. A claim of an older generation is void; what two claim is nobody's in this round. */
function ownersOf(members: readonly Member[], counts: ReadonlyMap<string, number>): Map<string, string> {
  const newest = Math.max(...members.map(({ generation }) => generation))
  const owners = new Map<string, string>()
  for (const { id, owned, generation } of members) {
    if (generation < newest) continue
    for (const [topic, indexes] of owned) {
      for (const index of indexes) {
        const place = `${topic}:${index}`
        if (index >= (counts.get(topic) ?? 0)) continue
        owners.set(place, owners.has(place) ? '' : id)
      }
    }
  }
  return owners
}

const leastOf = (shares: readonly Share[], topic: string): Share | undefined =>
  shares
    .filter(({ member }) => member.topics.includes(topic))
    .reduce<Share | undefined>((least, one) => (least && least.held.length <= one.held.length ? least : one), undefined)

/** Moves partitions from who has most to who has least and wants them, until nobody has two more than another. */
function level(shares: Share[]): void {
  for (let moved = true; moved; ) {
    moved = false
    shares.sort((one, other) => other.held.length - one.held.length || (one.member.id < other.member.id ? -1 : 1))
    for (const rich of shares) {
      for (let at = rich.held.length - 1; at >= 0 && !moved; at--) {
        const held = rich.held[at]!
        const poor = leastOf(shares, held[0])
        if (poor === undefined || rich.held.length - poor.held.length < 2) continue
        rich.held.splice(at, 1)
        poor.held.push(held)
        moved = true
      }
      if (moved) break
    }
  }
}

const emptyFor = (members: readonly Member[]): Assignment => new Map(members.map(({ id }) => [id, new Map()]))

function give(assignment: Assignment, id: string, topic: string, index: number): void {
  const partitions = assignment.get(id)!
  const indexes = partitions.get(topic)
  if (indexes === undefined) partitions.set(topic, [index])
  else indexes.push(index)
}

const inOrder = (members: readonly Member[]): Member[] =>
  [...members].sort((one, other) => ((one.instanceId ?? one.id) < (other.instanceId ?? other.id) ? -1 : 1))

const inRow = (counts: ReadonlyMap<string, number>): Held[] =>
  [...counts]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([topic, count]) => Array.from({ length: count }, (_, index) => [topic, index] as const))

const roundRobin: Assignor = { name: 'roundrobin', cooperative: false, assign: assignRoundRobin }

const offers: Readonly<Record<Choice, readonly Assignor[]>> = {
  'cooperative-sticky': [{ name: 'cooperative-sticky', cooperative: true, assign: assignSticky }],
  range: [{ name: 'range', cooperative: false, assign: assignRanges }],
  // kafkajs calls the same by another name.
  roundrobin: [roundRobin, { ...roundRobin, name: 'RoundRobinAssigner' }],
}

/** What is in `all` and not in `without`. */
export function difference(all: Partitions, without: Partitions): Map<string, number[]> {
  const left = new Map<string, number[]>()
  for (const [topic, indexes] of all) {
    const gone = without.get(topic) ?? []
    const rest = indexes.filter((index) => !gone.includes(index))
    if (rest.length > 0) left.set(topic, rest)
  }
  return left
}
