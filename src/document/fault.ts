import type { Code } from '../contract/codes.ts'

/** A place in a file. *Unit*: lines and columns count from 1. */
export interface Position {
  line: number
  column: number
}

/** Something wrong in a file a user wrote: where, what, and what it probably should be. */
export interface Fault extends Position {
  file: string
  code: Code
  message: string
  /** The nearest legal word, when one is near. */
  suggestion?: string
}

/** `file:line:column  code  message (did you mean …?)`, as `trestle check` prints it. */
export const printFault = (fault: Fault): string =>
  `${fault.file}:${fault.line}:${fault.column}  ${fault.code}  ${fault.message}` +
  (fault.suggestion === undefined ? '' : ` (did you mean \`${fault.suggestion}\`?)`)
