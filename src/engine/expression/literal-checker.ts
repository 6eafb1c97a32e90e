import type { ListNode, MapNode, Node } from './ast.ts'
import type { TypeChecker } from './call-checker.ts'
import { familyOf, joinTypes, listOf, mapOf, nothing, printType, type Type } from './type.ts'

/** The type of a list that is spelled out: of what its items have in common. */
export function checkList(checker: TypeChecker, node: ListNode): Type {
  const types = node.items.map((item, index) => checkEntry(checker, item, node.optional.has(index)))
  return listOf(types.reduce(joinTypes, nothing))
}

/** An item's or entry's type; of `?x` what is in `x` when it is there. */
function checkEntry(checker: TypeChecker, node: Node, mustBeOptional: boolean): Type {
  const type = checker.check(node)
  if (!mustBeOptional) return type
  if (type.kind === 'optional') return type.of
  return checker.report(
    'E204',
    node.at,
    `what follows \`?\` may be absent, as payload.?x may; this is ${printType(type)}`,
  )
}

/** The type of a map that is spelled out: with names for keys a record, whose fields have each their own type. */
export function checkMap(checker: TypeChecker, node: MapNode): Type {
  const keys = node.keys.map((key) => checkKey(checker, key))
  const values = node.values.map((value, index) => checkEntry(checker, value, node.optional.has(index)))
  const named = node.keys.every((key) => key.kind === 'literal' && typeof key.value === 'string')
  if (!named) return mapOf(values.reduce(joinTypes, nothing), keys.reduce(joinTypes, nothing))
  const fields = new Map(node.keys.map((key, index) => [String((key as { value: unknown }).value), values[index]!]))
  return { kind: 'record', fields, open: false, owner: '' }
}

function checkKey(checker: TypeChecker, node: Node): Type {
  const type = checker.checkValue(node)
  const family = familyOf(type)
  const fits =
    family === 'string' || family === 'bool' || family === 'any' || type.kind === 'int' || type.kind === 'uint'
  if (fits || type.kind === 'number') return type
  return checker.report(
    'E204',
    node.at,
    `the keys of a map are strings, whole numbers or bools, not ${printType(type)}`,
  )
}
