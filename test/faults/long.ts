/**
 * `npm run test:faults`: the long form of the fault matrix, each cell under 2,000 messages/s in each direction for 60 s.
 *
 *     npm run test:faults                       every system, every fault
 *     npm run test:faults -- kafka nats --rate 1000 --seconds 20
 */
import { parseArgs } from 'node:util'
import { type Cell, runFaults } from './matrix.ts'
import { systems } from './systems/index.ts'
import { judgementFaults } from './verdict.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '60' },
  },
})
const wanted = systems.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
const awayMs = 5000
let failed = false
console.log(
  '| System | Fault | Side | Acknowledged | Lost | Out of order | Twice, same identity | Sent again | Twice, other identity |',
)
console.log('|---|---|---|---|---|---|---|---|---|')
for (const system of wanted) {
  const missing = await system.missing()
  if (missing !== false) {
    console.log(`${system.name}: not run: ${missing}`)
    failed = true
    continue
  }
  const restMs = Math.max(2000, Number(values.seconds) * 1000 - awayMs)
  const result = await runFaults(system, {
    rate: Number(values.rate),
    beforeMs: restMs / 2,
    awayMs,
    afterMs: restMs / 2,
    drainMs: 180_000,
    log: (line) => console.error(line),
  })
  printRows(result.cells)
  const faults = result.cells.flatMap((cell) => judgementFaults(system, cell))
  if (result.unaccounted !== 0) faults.push(`${system.name}: ${result.unaccounted} unaccounted`)
  for (const fault of faults) console.log(`  ${fault}`)
  failed ||= faults.length > 0
}
process.exit(failed ? 1 : 0)

function printRows(cells: readonly Cell[]): void {
  for (const { system, fault, sink, source } of cells) {
    for (const [side, one] of Object.entries({ sink, source })) {
      if (one === null) continue
      const { acknowledged, lost, outOfOrder, droppable, sentAgain, unexplained } = one
      const counts = [acknowledged, lost.length, outOfOrder.length, droppable, sentAgain, unexplained.length]
      console.log(`| ${[system, fault, side, ...counts].join(' | ')} |`)
    }
  }
}
