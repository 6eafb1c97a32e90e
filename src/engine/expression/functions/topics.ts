import { topicFilterFault, topicMatches } from '../../../topic/filter.ts'
import type { Scope, Site } from '../scope.ts'
import { bool, int, listOf, string } from '../type.ts'
import { anInteger, aString, brief, type FunctionRow, method, overspent } from './row.ts'

/** What a topic is made of; `topic` is text, so these are methods of text. */
export const topicFunctions: readonly FunctionRow[] = [
  method(
    'level',
    aString,
    [anInteger],
    string,
    [
      'One level of a topic, counted from 0, or from the end by negative numbers.',
      '"plants/oslo/lines/3".level(1) == "oslo" && "plants/oslo/lines/3".level(-1) == "3"',
    ],
    level,
  ),
  method(
    'levels',
    aString,
    [],
    listOf(string),
    ['All levels of a topic.', '"plants/oslo".levels() == ["plants", "oslo"]'],
    (scope, site, topic: string) => (scope.spend(topic.length >> 2) ? topic.split('/') : overspent(scope, site)),
  ),
  method(
    'level_count',
    aString,
    [],
    int,
    ['How many levels a topic has.', '"plants/oslo".level_count() == 2'],
    (scope, site, topic: string) => {
      if (!scope.spend(topic.length >> 2)) return overspent(scope, site)
      let count = 1
      for (let at = topic.indexOf('/'); at !== -1; at = topic.indexOf('/', at + 1)) count++
      return count
    },
  ),
  method(
    'fits',
    aString,
    [aString],
    bool,
    ['Whether a topic filter with + and # takes the topic.', '"plants/oslo/lines/3".fits("plants/+/lines/#")'],
    (scope, site, topic: string, filter: string) => {
      if (!scope.spend((topic.length + filter.length) >> 2)) return overspent(scope, site)
      const fault = topicFilterFault(filter)
      return fault === null ? topicMatches(filter, topic) : scope.fail(site, `the filter ${brief(filter)} ${fault}`)
    },
    {
      prove: ([, filter]) => {
        const fault = typeof filter === 'string' ? topicFilterFault(filter) : null
        return fault === null ? null : { at: 1, message: `this filter ${fault}` }
      },
    },
  ),
]

function level(scope: Scope, site: Site, topic: string, wanted: number): unknown {
  if (!scope.spend(topic.length >> 3)) return overspent(scope, site)
  if (wanted >= 0) {
    let start = 0
    for (let left = wanted; left > 0; left--) {
      const slash = topic.indexOf('/', start)
      if (slash === -1) return scope.fail(site, `${brief(topic)} has no level ${wanted}`)
      start = slash + 1
    }
    const end = topic.indexOf('/', start)
    return end === -1 ? topic.slice(start) : topic.slice(start, end)
  }
  let end = topic.length
  for (let left = -wanted - 1; left > 0; left--) {
    end = end === 0 ? -1 : topic.lastIndexOf('/', end - 1)
    if (end === -1) return scope.fail(site, `${brief(topic)} has no level ${wanted}`)
  }
  return end === 0 ? '' : topic.slice(topic.lastIndexOf('/', end - 1) + 1, end)
}
