import type { DocumentPath } from '../document/source-document.ts'
import type { TopicPattern } from '../topic/pattern.ts'
import { compileExpression, type Expression } from './expression/expression.ts'
import { captured, letName, type Names, type Variable } from './expression/names.ts'
import { dyn } from './expression/type.ts'
import type { RuleFaults } from './rule-faults.ts'
import type { RawRule } from './rule-file.ts'

/** What a `let` name stands for. */
export interface Let {
  readonly name: string
  /** Its place among the rule's. */
  readonly at: number
  /** null when it has faults. */
  readonly expression: Expression | null
}

/** What can be the name of a capture, a `let`, a table or an item. */
export const isName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)

export function addCaptures(pattern: TopicPattern, names: Map<string, Variable>, faults: RuleFaults): void {
  for (const [at, name] of pattern.names.entries()) {
    if (names.has(name)) {
      faults.at(
        ['from'],
        'E206',
        `\`${name}\` already means something in expressions; capture under another name`,
        pattern.text.indexOf(`{${name}`),
      )
    } else names.set(name, captured(at))
  }
}

/** Each `let` sees those above it; nothing can see itself. */
export function addLets(lets: NonNullable<RawRule['let']>, names: Map<string, Variable>, faults: RuleFaults): Let[] {
  return Object.entries(lets).map(([name, text], at) => {
    const path: DocumentPath = ['let', name]
    if (!isName(name)) faults.atKey(path, 'E201', `\`${name}\` cannot be a name: letters, digits and _ only`)
    else if (names.has(name)) faults.atKey(path, 'E201', `\`${name}\` already means something in expressions`)
    const expression = compileAt(String(text), path, names, faults)
    // A faulty one is known all the same, so that its uses are not faults too.
    names.set(
      name,
      letName(at, expression?.type ?? dyn, expression?.depends ?? 'message', expression?.evaluate ?? (() => null)),
    )
    return { name, at, expression }
  })
}

export function compileAt(text: string, path: DocumentPath, names: Names, faults: RuleFaults): Expression | null {
  const { compiled, faults: found } = compileExpression({ text, origin: { path } }, names)
  faults.expression(path, found)
  return compiled
}
