import type { Fault } from '../document/fault.ts'
import type { DocumentPath, SourceDocument } from '../document/source-document.ts'
import { suggest } from '../document/suggest.ts'
import type { ExpressionFault } from './expression/checker.ts'

/** Collects the faults of one rule file; every place is a path in the document. */
export class RuleFaults {
  readonly document: SourceDocument
  readonly all: Fault[] = []

  constructor(document: SourceDocument) {
    this.document = document
  }

  /** At a value; `offset` counts characters into a string. */
  at(path: DocumentPath, code: Fault['code'], message: string, offset?: number, suggestion?: string): void {
    this.#add(this.document.at(path, offset), code, message, suggestion)
  }

  /** At the key of an entry; `legal` are the words it could have been. */
  atKey(path: DocumentPath, code: Fault['code'], message: string, legal: Iterable<string> = []): void {
    this.#add(this.document.keyAt(path), code, message, suggest(String(path.at(-1)), legal))
  }

  expression(path: DocumentPath, faults: readonly ExpressionFault[]): void {
    for (const fault of faults) this.at(path, fault.code, fault.message, fault.offset, fault.suggestion)
  }

  #add(place: { line: number; column: number }, code: Fault['code'], message: string, suggestion?: string): void {
    const fault = { file: this.document.file, line: place.line, column: place.column, code, message }
    this.all.push(suggestion === undefined ? fault : { ...fault, suggestion })
  }
}
