import { type Ledger, ledgerBalances, ledgerFates } from '../telemetry/report.ts'
import { printCount } from './human.ts'
import type { Paint } from './paint.ts'

const words: Record<keyof Ledger, string> = {
  received: 'received',
  delivered: 'delivered',
  filtered: 'filtered',
  refused: 'refused',
  absorbed: 'absorbed',
  deadLettered: 'dead-lettered',
  dropped: 'dropped',
  expired: 'expired',
  pending: 'pending',
  unaccounted: 'unaccounted',
}

/** The columns of a ledger as a person names them. */
export const ledgerWord = (column: keyof Ledger): string => words[column]

/** The columns worth showing: `absorbed` only where some rule gathers. */
export const shownFates = (ledgers: readonly Ledger[]): readonly (keyof Ledger)[] =>
  ledgerFates.filter((column) => column !== 'absorbed' || ledgers.some(({ absorbed }) => absorbed > 0))

/** The ledger as the sum it promises to be, every column shown; `≠` and a mark where it does not balance. */
export function drawLedger(ledger: Ledger, paint: Paint): string {
  const column = (name: keyof Ledger) => `${words[name]} ${printCount(ledger[name])}`
  const sum = shownFates([ledger]).map(column).join(' + ')
  const balances = ledgerBalances(ledger)
  const line = `ledger  ${column('received')} ${balances ? '=' : '≠'} ${sum}   ${column('unaccounted')}`
  return balances ? line : paint.bad(`${line}   ← does not balance`)
}
