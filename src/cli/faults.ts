import { relative } from 'node:path'
import type { Fault } from '../document/fault.ts'
import { printPlural, printSafe } from './human.ts'

/** Thrown by a command that cannot go on with these settings; told as `trestle check` tells them. */
export class ConfigRefused extends Error {
  readonly faults: readonly Fault[]
  /** What did not happen because of them. */
  readonly outcome: string

  constructor(faults: readonly Fault[], outcome = 'Nothing was started.') {
    super('the configuration has faults')
    this.faults = faults
    this.outcome = outcome
  }
}

/** Faults as `file:line:column  code  message (did you mean …)`, the codes below each other, and how many there are. */
export function printFaults(
  faults: readonly Fault[],
  { folder = process.cwd(), outcome = 'Nothing was started.' }: { folder?: string; outcome?: string } = {},
): string[] {
  const places = faults.map(({ file, line, column }) => `${printSafe(near(file, folder))}:${line}:${column}`)
  const width = Math.max(0, ...places.map((place) => place.length))
  const lines = faults.map(({ code, message, suggestion }, index) => {
    const meant = suggestion === undefined ? '' : ` (did you mean \`${printSafe(suggestion)}\`?)`
    return `${places[index]!.padEnd(width)}  ${code}  ${printSafe(message)}${meant}`
  })
  return [...lines, `${printPlural(faults.length, 'fault')}. ${outcome}`]
}

/** The path as one would type it here, unless it lies outside. */
function near(file: string, folder: string): string {
  const path = relative(folder, file)
  return path === '' || path.startsWith('..') ? file : path
}
