import type { Difference, Sides } from '../incompatibility.ts'

type Wording = (path: string, sides: Sides) => string

const keywordAdded: Wording = (path, { reader, writer }) =>
  `The keyword at path '${path}' in the ${reader} schema is not present in the ${writer} schema`
const increased: Wording = (path, { reader, writer }) =>
  `The value at path '${path}' in the ${reader} schema is more than its value in the ${writer} schema`
const decreased: Wording = (path, { reader, writer }) =>
  `The value at path '${path}' in the ${reader} schema is less than its value in the ${writer} schema`
const valueChanged: Wording = (path, { reader, writer }) =>
  `The value at path '${path}' is different between the ${reader} and ${writer} schema`
const narrowed: Wording = (path, { reader, writer }) =>
  `An array or combined type at path '${path}' has fewer elements in the ${reader} schema than the ${writer} schema`
const extended: Wording = (path, { reader, writer }) =>
  `An array or combined type at path '${path}' has more elements in the ${reader} schema than the ${writer} schema`
const typeChanged: Wording = (path, { reader, writer }) =>
  `A type at path '${path}' is different between the ${reader} schema and the ${writer} schema`
const addedToOpen: Wording = (path, { reader, writer }) =>
  `The ${reader} schema has an open content model and has a property or item at path '${path}' which is missing in the ${writer} schema`
const addedToUnopen: Wording = (path, { reader, writer }) =>
  `The ${reader} schema has an unopen content model and has a required property at path '${path}' which is missing in the ${writer} schema`
const removedFromClosed: Wording = (path, { reader, writer }) =>
  `The ${reader} has a closed content model and is missing a property or item present at path '${path}' in the ${writer} schema`
const removedNotCovered: Wording = (path, { reader, writer }) =>
  `A property or item is missing in the ${reader} schema but present at path '${path}' in the ${writer} schema and is not covered by its partially open content model`
const addedNotCovered: Wording = (path, { reader, writer }) =>
  `The ${reader} schema has a property or item at path '${path}' which is missing in the ${writer} schema and is not covered by its partially open content model`

/** By how a rule's name ends or is; the first that fits. */
const wordings: readonly (readonly [pattern: RegExp, wording: Wording])[] = [
  [/ADDED_TO_OPEN_CONTENT_MODEL$/, addedToOpen],
  [/ADDED_TO_UNOPEN_CONTENT_MODEL$/, addedToUnopen],
  [/REMOVED_FROM_CLOSED_CONTENT_MODEL$/, removedFromClosed],
  [/REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL$/, removedNotCovered],
  [/ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL$/, addedNotCovered],
  [/^(PRODUCT_TYPE|NOT_TYPE|DEPENDENCY_ARRAY)_EXTENDED$/, extended],
  [/^(ADDITIONAL_(ITEMS|PROPERTIES)|UNEVALUATED_(ITEMS|PROPERTIES))_REMOVED$/, keywordAdded],
  [/^(PATTERN|MULTIPLE_OF|DEPENDENCY_ARRAY)_CHANGED$/, valueChanged],
  [/_CHANGED$|^TYPE_NARROWED$/, typeChanged],
  [/_NARROWED$/, narrowed],
  [/_(INCREASED|EXPANDED)$/, increased],
  [/_DECREASED$/, decreased],
]

/** What a rule says, as Confluent's registry words it. */
export const describeJsonSchema = ({ rule }: Difference, path: string, sides: Sides): string =>
  (wordings.find(([pattern]) => pattern.test(rule))?.[1] ?? keywordAdded)(path, sides)
