import { join, resolve } from 'node:path'
import type { SchemaNode } from '../document/problem.ts'
import { fieldOf } from './connector-options.ts'
import { type Quantity, readQuantity } from './quantity.ts'

/** What a schema's keywords ask of a value beyond being legal. */
export interface Refined {
  value: unknown
  /** The values of fields that are marked as secret. */
  secrets: Set<string>
}

/**
 * Goes through a checked value along its schema: quantities with units become numbers, paths become absolute, and the
 * values of secret fields are collected. `data` is what `${data}` at the head of a path stands for.
 */
export function refine(checked: unknown, schema: SchemaNode, folder: string, data: string): Refined {
  const secrets = new Set<string>()
  const walk = (value: unknown, node: SchemaNode): unknown => {
    if (typeof value === 'string') return leaf(value, node)
    if (Array.isArray(value)) return value.map((item) => walk(item, fieldOf(node, 0)))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, walk(item, fieldOf(node, key))] as const),
    )
  }
  const leaf = (text: string, node: SchemaNode): unknown => {
    if (node['secret'] === true && text !== '') secrets.add(text)
    if (node['quantity'] !== undefined) return readQuantity(node['quantity'] as Quantity, text)
    // A field that takes a file may take its content as well (a certificate as PEM): text of several lines is no path.
    if (node['format'] === 'path' && !text.includes('\n')) return absolute(text, folder, data)
    return text
  }
  return { value: walk(checked, schema), secrets }
}

const dataReference = '${data}'

const absolute = (text: string, folder: string, data: string): string =>
  /^\$\{data\}(?=$|[/\\])/.test(text) ? join(data, text.slice(dataReference.length)) : resolve(folder, text)
