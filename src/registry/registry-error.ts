import type { Code } from '../contract/codes.ts'
import { TrestleError } from '../contract/error.ts'

/** Numbers of Confluent's registry, which its clients know, and our own codes for them. *Source*: Confluent Schema Registry, API errors. */
const codeOf: Readonly<Record<number, Code>> = {
  401: 'E704',
  403: 'E707',
  409: 'E304',
  42201: 'E302',
  42202: 'E703',
  42203: 'E703',
  42204: 'E703',
  42205: 'E307',
  42206: 'E307',
  42207: 'E307',
  42208: 'E703',
  42209: 'E303',
  50001: 'E501',
}

/** An error of the registry with the number by which its clients know it. *Shape*: the number is `detail.registry`. */
export function registryError(
  number: number,
  message: string,
  more: { code?: Code; cause?: unknown } = {},
): TrestleError {
  const code = more.code ?? codeOf[number] ?? 'E306'
  const cause = more.cause === undefined ? {} : { cause: more.cause }
  return new TrestleError(code, message, { detail: { registry: number }, ...cause })
}

export const subjectNotFound = (subject: string): TrestleError =>
  registryError(40401, `Subject '${subject}' not found.`)
export const versionNotFound = (version: number | string): TrestleError =>
  registryError(40402, `Version ${version} not found.`)
export const schemaNotFound = (what: number | string | null = null): TrestleError =>
  registryError(40403, what === null ? 'Schema not found' : `Schema ${what} not found`)
export const subjectWasDeleted = (subject: string): TrestleError =>
  registryError(40404, `Subject '${subject}' was soft deleted. Set permanent=true to delete permanently`)
export const subjectNotDeleted = (subject: string): TrestleError =>
  registryError(40405, `Subject '${subject}' was not deleted first before being permanently deleted`)
export const versionWasDeleted = (subject: string, version: number): TrestleError =>
  registryError(
    40406,
    `Subject '${subject}' Version ${version} was soft deleted. Set permanent=true to delete permanently`,
  )
export const versionNotDeleted = (subject: string, version: number): TrestleError =>
  registryError(40407, `Subject '${subject}' Version ${version} was not deleted first before being permanently deleted`)
export const noCompatibility = (subject: string): TrestleError =>
  registryError(40408, `Subject '${subject}' does not have subject-level compatibility configured`)
export const noMode = (subject: string): TrestleError =>
  registryError(40409, `Subject '${subject}' does not have subject-level mode configured`)
export const invalidSchema = (message: string): TrestleError => registryError(42201, message)
export const invalidVersion = (version: string): TrestleError =>
  registryError(
    42202,
    `The specified version '${version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`,
  )
export const invalidCompatibility = (): TrestleError =>
  registryError(
    42203,
    'Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive',
  )
export const invalidMode = (): TrestleError =>
  registryError(42204, 'Invalid mode. Valid values are READWRITE, READONLY and IMPORT.')
export const notPermitted = (message: string): TrestleError => registryError(42205, message)
export const referenceExists = (subject: string, version: number): TrestleError =>
  registryError(42206, `One or more references exist to the schema ${subject} version ${version}.`)
export const invalidSubject = (subject: string): TrestleError =>
  registryError(42208, `The specified subject '${subject}' is not a valid.`)
