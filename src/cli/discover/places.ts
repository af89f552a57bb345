/**
 * The members of an object and the items of an array, each with all that is asked of it. Senders send the members that
 * their type names, so that what no schema names isn't there; where a schema names none, any may be. Above: parts.ts.
 */
import type { JsonSchema } from '../../index.js';
import { ANY, type Meet } from './meet.js';

type Schemas = readonly JsonSchema[];

/** The names that members have for certain, or may have. */
export function namesOf({ schemas }: Meet): ReadonlySet<string> {
  return new Set(
    schemas.flatMap(({ properties = {}, required = [] }) => [...Object.keys(properties), ...required]),
  );
}

export const requires = ({ schemas }: Meet, name: string): boolean =>
  schemas.some(({ required }) => required?.includes(name));

/** Undefined where it can't be there. */
export function member(meet: Meet, name: string): Schemas | undefined {
  const { schemas } = meet;
  const named =
    schemas.some(({ properties = {} }) => Object.hasOwn(properties, name)) || requires(meet, name);
  if (!named) return otherMembers(meet);
  return orAny(
    schemas.map((schema) => {
      const { properties } = schema;
      if (properties !== undefined && Object.hasOwn(properties, name)) return properties[name];
      return askedOfOthers(schema, schemas.length === 1);
    }),
  );
}

/** Those that have other names; undefined where there are none. */
export function otherMembers({ schemas }: Meet): Schemas | undefined {
  const alone = schemas.filter(isOpen).length === 1;
  return schemas.some(isOpen) ? orAny(schemas.map((schema) => askedOfOthers(schema, alone))) : undefined;
}

/** The names that they may have. */
export function otherNames({ schemas }: Meet): Schemas {
  const open = schemas.filter(isOpen);
  return open.length > 1 ? [NAME] : [NAME, ...open.flatMap(({ propertyNames }) => propertyNames ?? [])];
}

const isOpen = ({ properties, additionalProperties: more }: JsonSchema): boolean =>
  properties === undefined ? more !== false : more !== undefined && more !== false;

/** One that lets only some names through cuts the others off, and another may ask for them. */
const askedOfOthers = ({ propertyNames, additionalProperties }: JsonSchema, alone: boolean) =>
  propertyNames === undefined || alone ? additionalProperties : undefined;

const NAME: JsonSchema = { type: 'string' };

export const fewest = ({ schemas }: Meet): number =>
  Math.max(0, ...schemas.map(({ minItems = 0 }) => minItems));

export const most = ({ schemas }: Meet): number =>
  Math.min(...schemas.map(({ maxItems = Number.POSITIVE_INFINITY }) => maxItems));

/** The places that have a schema of their own, as a tuple's. */
export const places = ({ schemas }: Meet): number =>
  Math.max(0, ...schemas.map(({ items }) => (Array.isArray(items) ? items.length : 0)));

export const item = ({ schemas }: Meet, place: number): Schemas =>
  orAny(
    schemas.map(({ items }) => (Array.isArray(items) ? items[place] : (items as JsonSchema | undefined))),
  );

function orAny(schemas: readonly (JsonSchema | boolean | undefined)[]): Schemas {
  const found = schemas.filter((schema) => typeof schema === 'object');
  return found.length > 0 ? found : [ANY];
}
