/*
 * A process to be killed: appends numbered records as fast as they are acknowledged, 200 in flight, and prints the last
 * number acknowledged after each commit.
 */
import fs from 'node:fs'
import { Journal } from '../../src/journal/journal.ts'
import { aMessage, anOwed, defaults } from './journal-fixture.ts'

const folder = process.argv[2]!
let acknowledged = 0
const journal = await Journal.open({
  ...defaults,
  folder,
  sync: 'always',
  segmentBytes: 200_000,
  onDurable: () => fs.writeSync(1, `${acknowledged}\n`),
})
let number = journal.durable
const waiter = {
  settle(token: number) {
    acknowledged = token
    setImmediate(append)
  },
}

function append(): void {
  number += 1
  const message = aMessage({ payload: Buffer.from(`${number}${'.'.repeat(number % 300)}`) })
  // A new rule now and then, so that the kill also meets segments in the making.
  const rule = `rule ${Math.floor(number / 500)}`
  journal.append(message, [anOwed(message, { rule }), anOwed(message, { sink: 'files', rule })], false, waiter, number)
}

for (let inFlight = 0; inFlight < 200; inFlight += 1) append()
