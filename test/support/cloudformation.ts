import { loadAwsServiceSpec } from '@aws-cdk/aws-service-spec'
import type { PropertyType, Resource, SpecDatabase } from '@aws-cdk/service-spec-types'
import { parse } from 'yaml'

interface Template {
  Parameters?: Record<string, { Type?: string }>
  Resources?: Record<string, { Type?: string, Properties?: Record<string, unknown> }>
}

/** The short forms of CloudFormation's functions that its files here have. */
const customTags = [['!Ref', 'Ref'], ['!Sub', 'Fn::Sub']].map(([tag = '', name = '']) => ({ tag, resolve: (text: string) => ({ [name]: text }) }))
/** What each section of a template may hold. */
const sections = ['AWSTemplateFormatVersion', 'Description', 'Parameters', 'Resources', 'Outputs', 'Conditions', 'Mappings', 'Metadata', 'Transform']
const ofResources = ['Type', 'Properties', 'DependsOn', 'Condition', 'DeletionPolicy', 'UpdateReplacePolicy', 'CreationPolicy', 'UpdatePolicy', 'Metadata']

let read: Promise<SpecDatabase> | undefined

/** What CloudFormation would refuse of a template: by the specification of resources that AWS publishes, and names that lead nowhere. */
export async function cloudFormationFaults (text: string): Promise<string[]> {
  read ??= loadAwsServiceSpec()
  const specification = await read
  const template: Template = parse(text, { customTags })
  const { Parameters: parameters = {}, Resources: resources = {} } = template
  const names = [...Object.keys(parameters), ...Object.keys(resources)]
  return [
    ...Object.keys(template).filter((key) => !sections.includes(key)).map((key) => `there is no section ${key}`),
    ...Object.entries(resources).flatMap(([name, { Type: type = '', Properties: properties = {}, ...rest }]) => {
      const [resource] = specification.lookup('resource', 'cloudFormationType', 'equals', type)
      if (resource === undefined) return [`${name} is of the type ${type}, which is not known`]
      return [
        ...Object.keys(rest).filter((key) => !ofResources.includes(key)).map((key) => `${name}.${key} is not known to resources`),
        ...memberFaults(resource.properties, properties, name, { specification, names })
      ]
    })
  ]
}

interface Context {
  specification: SpecDatabase
  names: readonly string[]
}

function memberFaults (properties: Resource['properties'], value: Record<string, unknown>, path: string, context: Context): string[] {
  return [
    ...Object.keys(properties).filter((key) => properties[key]?.required === true && !(key in value)).map((key) => `${path} lacks ${key}`),
    ...Object.entries(value).flatMap(([key, one]) => {
      const property = properties[key]
      return property === undefined ? [`${path}.${key} is not known`] : valueFaults(property.type, one, `${path}.${key}`, context)
    })
  ]
}

function valueFaults (type: PropertyType, value: unknown, path: string, context: Context): string[] {
  if (isObject(value) && ('Ref' in value || 'Fn::Sub' in value)) return strangers(value, context.names).map((name) => `${path} leads to ${name}, which is not there`)
  switch (type.type) {
    case 'json': return []
    case 'string': return typeof value === 'string' ? [] : [`${path} is no string`]
    case 'boolean': return typeof value === 'boolean' ? [] : [`${path} is no boolean`]
    case 'integer': return Number.isSafeInteger(value) ? [] : [`${path} is no integer`]
    case 'array': return Array.isArray(value) ? value.flatMap((one, number) => valueFaults(type.element, one, `${path}.${number}`, context)) : [`${path} is no list`]
    case 'map': return isObject(value) ? Object.entries(value).flatMap(([key, one]) => valueFaults(type.element, one, `${path}.${key}`, context)) : [`${path} is no object`]
    case 'ref': return isObject(value) ? memberFaults(context.specification.get('typeDefinition', type.reference.$ref).properties, value, path, context) : [`${path} is no object`]
    default: throw new Error(`${path} is of a type that nothing here has had yet: ${type.type}`)
  }
}

/** The names in a reference that neither the template nor CloudFormation itself has. */
function strangers (reference: Record<string, unknown>, names: readonly string[]): string[] {
  const said = 'Ref' in reference ? [String(reference['Ref'])] : [...String(reference['Fn::Sub']).matchAll(/\$\{([^!}][^}]*)\}/g)].map(([, name = '']) => name)
  return said.filter((name) => !names.includes(name.split('.')[0] as string) && !name.startsWith('AWS::'))
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
