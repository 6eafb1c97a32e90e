import type { TypeName } from './data-type.ts'
import { type Budget, plainValue, readScalar, typeOf } from './plain-value.ts'
import { Malformed, type WireReader } from './wire-reader.ts'

/** A table as plain data. */
export interface DataSetValue {
  readonly columns: readonly string[]
  readonly types: readonly TypeName[]
  /** A row's cells in the order of the columns. */
  readonly rows: readonly (readonly unknown[])[]
}

/** *Source*: Sparkplug 3.0, 6.4.13 to 6.4.15. *Errors*: Malformed. */
export function readDataSet(reader: WireReader, budget: Budget, depth: number): DataSetValue {
  let declared: number | bigint | null = null
  const columns: string[] = []
  const types: TypeName[] = []
  const rows: WireReader[] = []
  while (reader.more) {
    const tag = reader.tag()
    if (tag === 8) declared = reader.uint64()
    else if (tag === 18) {
      budget.spend(depth)
      columns.push(reader.string())
    } else if (tag === 24) {
      budget.spend(depth)
      types.push(typeOf(reader.uint32()))
    } else if (tag === 26) {
      // Packed, as newer compilers write it.
      for (const packed = reader.nested(); packed.more; ) {
        budget.spend(depth)
        types.push(typeOf(packed.uint32()))
      }
    } else if (tag === 34) {
      budget.spend(depth)
      rows.push(reader.nested())
    } else reader.skip(tag & 7)
  }
  if (columns.length !== types.length || (declared !== null && declared !== columns.length)) {
    throw new Malformed('has a data set with other columns than types')
  }
  return { columns, types, rows: rows.map((row) => readRow(row, types, budget, depth)) }
}

function readRow(reader: WireReader, types: readonly TypeName[], budget: Budget, depth: number): unknown[] {
  const cells: unknown[] = []
  while (reader.more) {
    const tag = reader.tag()
    if (tag !== 10) {
      reader.skip(tag & 7)
      continue
    }
    budget.spend(depth)
    const type = types[cells.length]
    if (type === undefined) throw new Malformed('has a data set row longer than its columns')
    cells.push(readCell(reader.nested(), type))
  }
  if (cells.length !== types.length) throw new Malformed('has a data set row shorter than its columns')
  return cells
}

/** null of a cell with nothing in it. */
function readCell(reader: WireReader, type: TypeName): unknown {
  let value: unknown = null
  while (reader.more) {
    const tag = reader.tag()
    const scalar = readScalar(reader, tag, 1)
    if (scalar === null) reader.skip(tag & 7)
    else value = plainValue(type, scalar)
  }
  return value
}
