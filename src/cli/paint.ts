/** Colours on a terminal, plain text elsewhere. */
export interface Paint {
  good(text: string): string
  warn(text: string): string
  bad(text: string): string
  faint(text: string): string
  strong(text: string): string
}

const wrap = (open: number, close: number) => (text: string) => `\x1b[${open}m${text}\x1b[${close}m`
const leave = (text: string) => text

const coloured: Paint = {
  good: wrap(32, 39),
  warn: wrap(33, 39),
  bad: wrap(31, 39),
  faint: wrap(2, 22),
  strong: wrap(1, 22),
}
const plain: Paint = { good: leave, warn: leave, bad: leave, faint: leave, strong: leave }

export const paintFor = (colour: boolean): Paint => (colour ? coloured : plain)
