import type { Node } from './ast.ts'
import type { Evaluate, Scope, Site } from './scope.ts'
import type { Type } from './type.ts'

/** What the compiling of calls and macros needs of the compiler around it. */
export interface NodeCompiler {
  /** Values of static forms were put where their type is lost, or maps made whose keys may be no text. */
  mixes: boolean
  /** In which constants are found at load: all of an expression's share one budget. */
  readonly constants: Scope
  compile(node: Node): Evaluate
  /** A node whose value takes the form of the type it is used as. */
  as(node: Node, type: Type): Evaluate
  site(node: Node): Site
}
