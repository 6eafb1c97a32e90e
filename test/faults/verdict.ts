import type { Judgement } from '../support/judge.ts'
import type { FarSystem } from './far-system.ts'
import type { Cell } from './matrix.ts'

/** What a cell shows that the product promises never to show; empty when it kept its word. */
export function judgementFaults(system: FarSystem, { fault, sink, source }: Cell): string[] {
  const place = `${system.name}, ${fault}`
  return [
    ...(sink === null ? [] : sharedFaults(`${place}, sink`, sink)),
    ...(sink === null || system.mayRepeat || sink.droppable === 0 ? [] : [`${place}, sink: ${sink.droppable} twice`]),
    ...(sink === null ? [] : some(`${place}, sink: twice under another identity`, sink.unexplained)),
    // What the hub took in and could not acknowledge upstream any more comes again, under another identity.
    ...(source === null ? [] : sharedFaults(`${place}, source`, source)),
  ]
}

const sharedFaults = (place: string, { lost, outOfOrder, acknowledged }: Judgement): string[] => [
  ...(acknowledged === 0 ? [`${place}: nothing was acknowledged, so nothing is shown`] : []),
  ...some(`${place}: acknowledged and lost`, lost),
  ...some(`${place}: out of order`, outOfOrder),
]

const some = (what: string, list: readonly string[]): string[] =>
  list.length === 0 ? [] : [`${what}: ${list.length}, as ${list.slice(0, 3).join(', ')}`]
