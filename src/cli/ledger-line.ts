import { type Ledger, ledgerBalances, ledgerFates } from '../telemetry/report.ts'
import { printCount } from './human.ts'
import type { Paint } from './paint.ts'

const words: Record<keyof Ledger, string> = {
  received: 'received',
  delivered: 'delivered',
  filtered: 'filtered',
  refused: 'refused',
  deadLettered: 'dead-lettered',
  dropped: 'dropped',
  expired: 'expired',
  pending: 'pending',
  unaccounted: 'unaccounted',
}

/** The columns of a ledger as a person names them. */
export const ledgerWord = (column: keyof Ledger): string => words[column]

/** The ledger as the sum it promises to be, every column shown; `≠` and a mark where it does not balance. */
export function drawLedger(ledger: Ledger, paint: Paint): string {
  const column = (name: keyof Ledger) => `${words[name]} ${printCount(ledger[name])}`
  const sum = ledgerFates.map(column).join(' + ')
  const balances = ledgerBalances(ledger)
  const line = `ledger  ${column('received')} ${balances ? '=' : '≠'} ${sum}   ${column('unaccounted')}`
  return balances ? line : paint.bad(`${line}   ← does not balance`)
}
