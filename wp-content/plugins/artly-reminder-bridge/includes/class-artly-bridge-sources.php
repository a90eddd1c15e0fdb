<?php
/**
 * The list of sources.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * Knows every source, those of other plugins too, and which one the owner has chosen.
 */
final class Artly_Bridge_Sources {

	/**
	 * Every source by its id, in the order of the settings.
	 *
	 * @return array<string,Artly_Bridge_Source>
	 */
	public static function all(): array {
		/**
		 * Filters the places where balances may be read, so that other plugins can add theirs.
		 *
		 * @param Artly_Bridge_Source[] $sources The places.
		 */
		$listed = apply_filters(
			'artly_reminder_bridge_sources',
			array(
				new Artly_Bridge_Source_Wc_Points(),
				new Artly_Bridge_Source_User_Meta( Artly_Bridge_Settings::meta_key() ),
			)
		);
		$by_id  = array();
		foreach ( is_array( $listed ) ? $listed : array() as $source ) {
			if ( $source instanceof Artly_Bridge_Source ) {
				$by_id[ $source->id() ] = $source;
			}
		}
		return $by_id;
	}

	/**
	 * The source in use: the chosen one, or where nobody has chosen, the first that can be read.
	 *
	 * @return Artly_Bridge_Source|null Null where nothing was chosen and nothing can be read.
	 */
	public static function chosen(): ?Artly_Bridge_Source {
		$sources = self::all();
		$id      = Artly_Bridge_Settings::source_id();
		if ( isset( $sources[ $id ] ) ) {
			return $sources[ $id ];
		}
		foreach ( $sources as $source ) {
			if ( '' === $source->unavailable_reason() ) {
				return $source;
			}
		}
		return null;
	}

	/**
	 * Why no balances can be read now, or '' where they can.
	 */
	public static function unavailable_reason(): string {
		$source = self::chosen();
		return null === $source
			? Artly_Bridge_Failure::of( Artly_Bridge_Failure::NO_SOURCE )->get_error_message()
			: $source->unavailable_reason();
	}
}
