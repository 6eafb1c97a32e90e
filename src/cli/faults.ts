import { relative } from 'node:path'
import type { Fault } from '../document/fault.ts'
import { printPlural, printSafe } from './human.ts'

/** Thrown by a command that cannot go on with these settings; told as `trestle check` tells them. */
export class ConfigRefused extends Error {
  readonly faults: readonly Fault[]

  constructor(faults: readonly Fault[]) {
    super('the configuration has faults')
    this.faults = faults
  }
}

/** Faults as `file:line:column  code  message (did you mean …)`, the codes below each other, and how many there are. */
export function printFaults(faults: readonly Fault[], folder = process.cwd()): string[] {
  const places = faults.map(({ file, line, column }) => `${printSafe(near(file, folder))}:${line}:${column}`)
  const width = Math.max(0, ...places.map((place) => place.length))
  const lines = faults.map(({ code, message, suggestion }, index) => {
    const meant = suggestion === undefined ? '' : ` (did you mean \`${printSafe(suggestion)}\`?)`
    return `${places[index]!.padEnd(width)}  ${code}  ${printSafe(message)}${meant}`
  })
  return [...lines, `${printPlural(faults.length, 'fault')}. Nothing was started.`]
}

/** The path as one would type it here, unless it lies outside. */
function near(file: string, folder: string): string {
  const path = relative(folder, file)
  return path === '' || path.startsWith('..') ? file : path
}
