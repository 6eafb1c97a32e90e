/**
 * Regular expressions that cannot be made to block: RE2 syntax, linear in the text, and every step of the way is taken
 * off a budget.
 *
 * The parser and the compiler are those of `@bufbuild/re2`. Its matcher is not used: it remembers one state for every
 * set of places in the pattern it has met, and `(a|b)*a(a|b){12}` over 5,000 characters made it build 3,600 of them in
 * 50 ms, uncounted; and it tells whether, not where. So the program it compiles is run here: `test` by states that are
 * built when they are first met and paid for, `find` by threads that carry their groups (Pike's machine).
 *
 * It does not do: backward references and look-around, which are what makes others slow.
 */
import { RE2JS } from '@bufbuild/re2'
import { writtenOut } from './pattern-size.ts'

/** What matching may still cost. *Unit*: some 40 ns a step. */
export interface StepBudget {
  /** Takes `steps` off; false when nothing is left. */
  spend(steps: number): boolean
}

const maxPatternLength = 10_000
/** *Unit*: instructions; what `(a{9}){9}` writes out, which is short and large. */
const maxProgramSize = 2_000
/** States kept of one pattern. */
const maxStates = 128
const maxNextBeyondAscii = 256

// Instructions of RE2's machine, by its numbers. *Source*: Go's `regexp/syntax`, whose order @bufbuild/re2 keeps.
const alt = 1
const altMatch = 2
const capture = 3
const emptyWidth = 4
const match = 6
const nop = 7
const firstRuneOp = 8

// What may hold between two characters, as bits of an `emptyWidth` instruction.
const beginLine = 1
const endLine = 2
const beginText = 4
const endText = 8
const wordBoundary = 16
const noWordBoundary = 32

type Instruction = ReturnType<ReturnType<RE2JS['re2']>['prog']['getInst']>

/** What stood before a place, as far as a pattern can ask: nothing, a line's end, a word's character, another one. */
type Before = 0 | 1 | 2 | 3

/** A set of places in the program, before one character. */
interface State {
  readonly places: Int32Array
  readonly before: Before
  readonly next: (State | undefined)[]
  readonly nextBeyondAscii: Map<number, State>
  /** Whether the pattern matches where the text ends here; not yet known. */
  atEnd: boolean | undefined
}

const matched: State = { places: new Int32Array(0), before: 0, next: [], nextBeyondAscii: new Map(), atEnd: true }

interface Threads {
  readonly places: number[]
  readonly groups: number[][]
}

export class LinearPattern {
  /** How many groups it has. */
  readonly groups: number
  readonly #program: readonly Instruction[]
  readonly #start: number
  readonly #asksBefore: boolean
  /** Marks of the places met in one closure, by its number. */
  readonly #marks: Uint32Array
  #round = 0
  readonly #states = new Map<string, State>()
  #first: State | null = null
  /** No group has matched yet. */
  readonly #blank: readonly number[]
  /** Emptied by each `#follow`. */
  readonly #stack: { readonly places: number[]; readonly groupsOf: number[][] } = { places: [], groupsOf: [] }

  /** The pattern, or what is wrong with it. */
  static compile(text: string): LinearPattern | string {
    if (text.length > maxPatternLength) return `a pattern may have ${maxPatternLength} characters at most`
    if (writtenOut(text) > maxProgramSize) return `its repetitions make it longer than ${maxProgramSize}`
    try {
      const compiled = RE2JS.compile(text)
      const { prog } = compiled.re2()
      if (prog.numInst() > maxProgramSize) return 'it is too large'
      return new LinearPattern(prog.inst, prog.start, compiled.groupCount())
    } catch (thrown) {
      return (thrown as Error).message
    }
  }

  private constructor(program: readonly Instruction[], start: number, groups: number) {
    this.#program = program
    this.#start = start
    this.groups = groups
    this.#blank = new Array<number>(2 * groups + 2).fill(-1)
    this.#marks = new Uint32Array(program.length)
    this.#asksBefore = program.some(({ op }) => op === emptyWidth)
  }

  /** Whether it is found in the text. False, too, when the budget is spent: ask `budget.spend(0)`. */
  test(text: string, budget: StepBudget): boolean {
    if (!budget.spend(1 + (text.length >> 2))) return false
    this.#first ??= this.#intern([this.#start], 0)
    let state = this.#first
    for (let at = 0; at < text.length; at++) {
      let rune = text.charCodeAt(at)
      if (rune >= 0xd800 && rune <= 0xdbff) {
        rune = text.codePointAt(at)!
        if (rune > 0xffff) at++
      }
      const next = rune < 128 ? state.next[rune] : state.nextBeyondAscii.get(rune)
      if (next !== undefined) state = next
      else {
        const made = this.#step(state, rune, budget)
        if (made === null) return false
        state = made
      }
      if (state === matched) return true
    }
    state.atEnd ??= this.#close(state, -1, budget) === null
    return state.atEnd
  }

  /** The next state; null when the budget is spent. */
  #step(state: State, rune: number, budget: StepBudget): State | null {
    const open = this.#close(state, rune, budget)
    let next = matched
    if (open !== null) {
      const places = [this.#start]
      for (const place of open) {
        const instruction = this.#program[place]!
        if (instruction.matchRune(rune) && !places.includes(instruction.out)) places.push(instruction.out)
      }
      if (!budget.spend(16 + open.length * (2 + (places.length >> 4)))) return null
      next = this.#intern(places, this.#asksBefore ? kindOfRune(rune) : 3)
    }
    if (rune < 128) state.next[rune] = next
    else if (state.nextBeyondAscii.size < maxNextBeyondAscii) state.nextBeyondAscii.set(rune, next)
    return next
  }

  /** The places that wait for a character, after all that needs none; null when the pattern has matched. */
  #close(state: State, rune: number, budget: StepBudget): number[] | null {
    const context = contextOf(state.before, rune)
    const round = ++this.#round
    const open: number[] = []
    const stack = [...state.places]
    let visited = 0
    for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
      if (this.#marks[place] === round) continue
      this.#marks[place] = round
      visited++
      const { op, out, arg } = this.#program[place]!
      if (op >= firstRuneOp) open.push(place)
      else if (op === match) return null
      else if (op === alt || op === altMatch) stack.push(arg, out)
      else if (op === nop || op === capture || (op === emptyWidth && (arg & ~context) === 0)) stack.push(out)
    }
    budget.spend(2 * visited)
    return open
  }

  #intern(places: number[], before: Before): State {
    const sorted = Int32Array.from(places).sort()
    const name = `${before}:${sorted.join()}`
    const known = this.#states.get(name)
    if (known !== undefined) return known
    // Forgotten states go on living where they are reached from, until these are forgotten too.
    if (this.#states.size >= maxStates) {
      for (const state of this.#states.values()) {
        state.next.length = 0
        state.nextBeyondAscii.clear()
      }
      this.#states.clear()
      this.#first = null
    }
    const state: State = { places: sorted, before, next: [], nextBeyondAscii: new Map(), atEnd: undefined }
    this.#states.set(name, state)
    return state
  }

  /**
   * The first match from `from` on, of several the one a backtracking matcher would find. *Shape*: begin and end of
   * the match, then of each group, -1 where it took no part. null when there is none, or when the budget is spent.
   */
  find(text: string, from: number, budget: StepBudget): number[] | null {
    if (from === 0 && !this.test(text, budget)) return null
    let now: Threads = { places: [], groups: [] }
    let then: Threads = { places: [], groups: [] }
    let found: number[] | null = null
    let before: Before = from === 0 ? 0 : kindOfRune(text.charCodeAt(from - 1))
    this.#round++
    for (let at = from; ; ) {
      const rune = at < text.length ? text.codePointAt(at)! : -1
      if (found === null) {
        const groups = this.#blank.slice()
        groups[0] = at
        this.#follow(now, this.#start, at, groups, contextOf(before, rune))
      }
      if (!budget.spend(3 + now.places.length * (5 + (this.groups >> 1)))) return null
      if (now.places.length === 0 && (found !== null || rune === -1)) return found
      const end = at + (rune > 0xffff ? 2 : 1)
      before = kindOfRune(rune)
      const context = contextOf(before, rune === -1 || end >= text.length ? -1 : text.codePointAt(end)!)
      this.#round++
      for (let index = 0; index < now.places.length; index++) {
        const instruction = this.#program[now.places[index]!]!
        const groups = now.groups[index]!
        if (instruction.op === match) {
          found = groups.slice()
          found[1] = at
          break
        }
        if (rune !== -1 && instruction.matchRune(rune)) this.#follow(then, instruction.out, end, groups, context)
      }
      if (rune === -1) return found
      ;[now, then] = [then, now]
      then.places.length = 0
      then.groups.length = 0
      at = end
    }
  }

  /** Adds the places that can be reached without a character, the preferred ones first. */
  #follow(threads: Threads, start: number, at: number, groups: number[], context: number): void {
    const { places, groupsOf } = this.#stack
    places.push(start)
    groupsOf.push(groups)
    for (let place = places.pop(); place !== undefined; place = places.pop()) {
      const held = groupsOf.pop()!
      if (this.#marks[place] === this.#round) continue
      this.#marks[place] = this.#round
      const { op, out, arg } = this.#program[place]!
      if (op >= firstRuneOp || op === match) {
        threads.places.push(place)
        threads.groups.push(held)
      } else if (op === alt || op === altMatch) {
        places.push(arg, out)
        groupsOf.push(held, held)
      } else if (op === capture) {
        const noted = held.slice()
        noted[arg] = at
        places.push(out)
        groupsOf.push(noted)
      } else if (op === nop || (op === emptyWidth && (arg & ~context) === 0)) {
        places.push(out)
        groupsOf.push(held)
      }
    }
  }

  /** Every match, one after the other; ends early when the budget is spent. *Source*: Go's `FindAllSubmatchIndex`. */
  *findAll(text: string, budget: StepBudget): Generator<number[], void> {
    let lastEnd = -1
    for (let from = 0; from <= text.length; ) {
      const found = this.find(text, from, budget)
      if (found === null) return
      const [start, end] = found as [number, number]
      // An empty match right behind another one is none.
      if (end > start || start !== lastEnd) yield found
      lastEnd = end
      from = end > start ? end : end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1)
    }
  }
}

const isWord = (rune: number): boolean =>
  (rune >= 0x61 && rune <= 0x7a) || (rune >= 0x41 && rune <= 0x5a) || (rune >= 0x30 && rune <= 0x39) || rune === 0x5f

const kindOfRune = (rune: number): Before => (rune === 0x0a ? 1 : isWord(rune) ? 2 : 3)

/** What holds between what stood before and the next character, -1 for the text's end. */
function contextOf(before: Before, rune: number): number {
  return (
    (before === 0 ? beginText | beginLine : before === 1 ? beginLine : 0) |
    (rune === -1 ? endText | endLine : rune === 0x0a ? endLine : 0) |
    ((before === 2) === isWord(rune) ? noWordBoundary : wordBoundary)
  )
}
