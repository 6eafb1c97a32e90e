import { TrestleError } from '../contract/error.ts'
import type { Message, MessageProperties } from '../contract/message.ts'
import { maxTopicBytes, topicNameFault, topicTextFault } from '../topic/name.ts'

/**
 * What MQTT does not allow in a message that did not come in as an MQTT packet; null when it may go its way. The codec
 * sees to it for what devices send; without it here an inner door would let in what ends the connection of everyone
 * it is delivered to. *Errors*: E405 for the topic, E703 for a property.
 */
export function messageFault({ topic, properties }: Message): TrestleError | null {
  const fault = topicNameFault(topic)
  if (fault !== null) return new TrestleError('E405', `topic ${fault}`)
  const property = properties === null ? null : propertyFault(properties)
  return property === null ? null : new TrestleError('E703', property)
}

/** *Source*: MQTT 5.0 §1.5.4, §1.5.6, §3.3.2.3 [MQTT-3.3.2-14]. */
function propertyFault({
  contentType,
  responseTopic,
  correlationData,
  expirySeconds,
  user,
}: MessageProperties): string | null {
  if (expirySeconds !== undefined && !(expirySeconds >= 0 && expirySeconds <= 0xff_ff_ff_ff)) {
    return 'the expiry interval is not between 0 and 4294967295 seconds'
  }
  const ofTopic = responseTopic === undefined ? null : topicNameFault(responseTopic)
  if (ofTopic !== null) return `the response topic ${ofTopic}`
  if ((correlationData?.length ?? 0) > maxTopicBytes)
    return `the correlation data is longer than ${maxTopicBytes} bytes`
  const ofType = textFault('the content type', contentType ?? '')
  if (ofType !== null || user === undefined) return ofType
  for (const [name, value] of user) {
    const ofUser = textFault('the name of a user property', name) ?? textFault('the value of a user property', value)
    if (ofUser !== null) return ofUser
  }
  return null
}

/** A topic's text is bound by the rules of all MQTT text, except that it may not be empty. */
function textFault(what: string, text: string): string | null {
  const fault = text === '' ? null : topicTextFault(text)
  return fault === null ? null : `${what} ${fault}`
}
