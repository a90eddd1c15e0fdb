<?php
/**
 * The settings of the plugin.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * Only reader of the plugin's settings, and the rules for what may be saved.
 */
final class Artly_Bridge_Settings {

	/** Address of the Artly Sync server. The name is that of older versions, so that their value stays valid. */
	const OPTION_URL = '_artly_reminder_engine_url';

	/** Key of this site at the server. The name is that of older versions. */
	const OPTION_SECRET = '_artly_reminder_engine_secret';

	const OPTION_SOURCE   = '_artly_reminder_bridge_source';
	const OPTION_META_KEY = '_artly_reminder_bridge_meta_key';

	/** Group of the settings form. */
	const GROUP = 'artly_reminder_bridge';

	/** Longest meta key that the table of WordPress holds. */
	const LONGEST_META_KEY = 255;

	/**
	 * Address of the server without a trailing slash, or '' where none or an impossible one is saved.
	 */
	public static function url(): string {
		return self::normalize_url( self::text( self::OPTION_URL ) );
	}

	/**
	 * Key of this site, or ''. Never show it, log it or put it into an address.
	 */
	public static function secret(): string {
		return trim( self::text( self::OPTION_SECRET ) );
	}

	/**
	 * Id of the chosen source, or '' where nobody has chosen yet.
	 */
	public static function source_id(): string {
		return self::text( self::OPTION_SOURCE );
	}

	/**
	 * The user meta key with the balance, for the user-meta source.
	 */
	public static function meta_key(): string {
		return self::text( self::OPTION_META_KEY );
	}

	/**
	 * Whether address and key are there.
	 */
	public static function is_connected(): bool {
		return '' !== self::url() && '' !== self::secret();
	}

	/**
	 * Registers the settings, so that WordPress saves the form.
	 */
	public static function register(): void {
		$sanitizers = array(
			self::OPTION_URL      => 'sanitize_url_field',
			self::OPTION_SECRET   => 'sanitize_secret_field',
			self::OPTION_SOURCE   => 'sanitize_source_field',
			self::OPTION_META_KEY => 'sanitize_meta_key_field',
		);
		foreach ( $sanitizers as $option => $method ) {
			register_setting(
				self::GROUP,
				$option,
				array(
					'type'              => 'string',
					'show_in_rest'      => false,
					'sanitize_callback' => array( self::class, $method ),
				)
			);
		}
	}

	/**
	 * An address as it is kept: http or https, a host, perhaps a port and a path; '' where it is not such an address.
	 *
	 * A user name, a query or a fragment has no place in it: each would end up in logs or break the paths added later.
	 *
	 * @param string $typed What the person typed.
	 * @return string
	 */
	public static function normalize_url( string $typed ): string {
		$url = rtrim( trim( $typed ), '/' );
		if ( ! preg_match( '#^https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?(/[a-z0-9._~%/-]*)?$#i', $url ) ) {
			return '';
		}
		return false === wp_parse_url( $url ) ? '' : $url;
	}

	/**
	 * Sanitizes the address; an impossible one leaves the saved one as it is.
	 *
	 * @param mixed $value From the form.
	 * @return string
	 */
	public static function sanitize_url_field( $value ): string {
		$typed = is_string( $value ) ? trim( $value ) : '';
		$url   = self::normalize_url( $typed );
		if ( '' !== $typed && '' === $url ) {
			self::refuse( self::OPTION_URL, Artly_Bridge_Failure::of( Artly_Bridge_Failure::INVALID_ADDRESS )->get_error_message() );
			return self::text( self::OPTION_URL );
		}
		return $url;
	}

	/**
	 * Sanitizes the key. Empty means: keep the saved one, for the field never shows it.
	 *
	 * @param mixed $value From the form.
	 * @return string
	 */
	public static function sanitize_secret_field( $value ): string {
		$typed = is_string( $value ) ? trim( $value ) : '';
		if ( '' === $typed ) {
			return self::secret();
		}
		// It travels in a header: a line break or a letter outside ASCII cannot be part of a key.
		if ( ! preg_match( '/^[\x21-\x7e]+$/', $typed ) ) {
			self::refuse( self::OPTION_SECRET, __( 'A key has no spaces and no accented letters. Copy it once more, whole.', 'artly-reminder-bridge' ) );
			return self::secret();
		}
		return $typed;
	}

	/**
	 * Sanitizes the source.
	 *
	 * @param mixed $value From the form.
	 * @return string
	 */
	public static function sanitize_source_field( $value ): string {
		$known = Artly_Bridge_Sources::all();
		return is_string( $value ) && isset( $known[ $value ] ) ? $value : self::source_id();
	}

	/**
	 * Sanitizes the meta key. Nearly every character may stand in one.
	 *
	 * @param mixed $value From the form.
	 * @return string
	 */
	public static function sanitize_meta_key_field( $value ): string {
		$typed = is_string( $value ) ? wp_check_invalid_utf8( $value ) : '';
		return mb_substr( trim( (string) preg_replace( '/[\x00-\x1f\x7f]/', '', $typed ) ), 0, self::LONGEST_META_KEY );
	}

	/**
	 * Tells the person that a field was not saved.
	 *
	 * @param string $option  Option of the field.
	 * @param string $message What is wrong.
	 */
	private static function refuse( string $option, string $message ): void {
		// Only there in the administration; an option may also be saved from the command line.
		if ( function_exists( 'add_settings_error' ) ) {
			add_settings_error( $option, $option, $message );
		}
	}

	/**
	 * An option as text, whatever is stored.
	 *
	 * @param string $option Its name.
	 * @return string
	 */
	private static function text( string $option ): string {
		$value = get_option( $option, '' );
		return is_string( $value ) ? $value : '';
	}
}
