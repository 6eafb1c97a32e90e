import { suggest } from '../../../document/suggest.ts'
import type { Scope, Site } from '../scope.ts'
import { double } from '../type.ts'
import { aNumber, aString, brief, type ConstantFault, type FunctionRow, plain } from './row.ts'
import { type Unit, units } from './unit-table.ts'

/** Conversion between units of one quantity. */
export const unitFunctions: readonly FunctionRow[] = [
  plain(
    'convert',
    [aNumber, aString, aString],
    double,
    [
      'A value in one unit as a value in another of the same quantity; the units are listed below.',
      'convert(212, "F", "C") == 100',
    ],
    convert,
    { prove },
  ),
]

function convert(scope: Scope, site: Site, value: number | bigint, from: string, to: string): unknown {
  const a = units.get(from)
  const b = units.get(to)
  if (a === undefined || b === undefined) return scope.fail(site, unknown(a === undefined ? from : to))
  if (a.quantity !== b.quantity) return scope.fail(site, misfit(from, a, to, b))
  if (a.shift === 0 && b.shift === 0) return (Number(value) * (a.times * b.by)) / (a.by * b.times)
  return ((Number(value) + a.shift) * a.times * b.by) / (a.by * b.times) - b.shift
}

const unknown = (name: string): string => `${brief(name)} is no unit`

const misfit = (from: string, a: Unit, to: string, b: Unit): string =>
  `${from} is a unit of ${a.quantity}, and ${to} one of ${b.quantity}`

function prove([, from, to]: readonly unknown[]): ConstantFault | null {
  const fault = proveUnit(from, 1) ?? proveUnit(to, 2)
  if (fault !== null || typeof from !== 'string' || typeof to !== 'string') return fault
  const a = units.get(from)!
  const b = units.get(to)!
  return a.quantity === b.quantity ? null : { at: 2, message: misfit(from, a, to, b) }
}

function proveUnit(name: unknown, at: number): ConstantFault | null {
  if (typeof name !== 'string' || units.has(name)) return null
  return { at, message: unknown(name), suggestion: suggest(name, units.keys()) }
}
