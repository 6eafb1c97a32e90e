/** A column: its title and how it is set. */
export interface Column {
  title: string
  align?: 'left' | 'right'
  /** Keeps the table from jumping while it is watched. */
  minWidth?: number
}

/** A cell: its text, and how the text is painted once its width is known. */
export type Cell = string | { text: string; paint(text: string): string }

const textOf = (cell: Cell) => (typeof cell === 'string' ? cell : cell.text)

/** Characters, not UTF-16 units; wide scripts are left to the terminal. */
const widthOf = (text: string) => [...text].length

/** Lines of a table: titles, then rows, two spaces between columns, nothing behind the last word. */
export function drawTable(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string[] {
  const widths = columns.map((column, index) =>
    rows.reduce(
      (width, row) => Math.max(width, widthOf(textOf(row[index] ?? ''))),
      Math.max(widthOf(column.title), column.minWidth ?? 0),
    ),
  )
  const drawRow = (cells: readonly Cell[]) =>
    columns
      .map((column, index) => drawCell(cells[index] ?? '', widths[index]!, column.align))
      .join('  ')
      .trimEnd()
  return [drawRow(columns.map((column) => column.title)), ...rows.map(drawRow)]
}

function drawCell(cell: Cell, width: number, align: Column['align']): string {
  const text = textOf(cell)
  const space = ' '.repeat(width - widthOf(text))
  const painted = typeof cell === 'string' ? text : cell.paint(text)
  return align === 'right' ? space + painted : painted + space
}

/** Lines of `name  value` with the values below each other. */
export function drawPairs(pairs: readonly (readonly [name: string, value: string])[], indent = ''): string[] {
  const width = Math.max(0, ...pairs.map(([name]) => widthOf(name)))
  return pairs.map(([name, value]) => `${indent}${name.padEnd(width)}  ${value}`.trimEnd())
}
