<?php
/**
 * Installs the WordPress that ARTLY_WP_ROOT names. What it needs comes as JSON on standard input, never as an argument,
 * which other users of the machine could read: title, adminUser, adminPassword, adminEmail, url.
 */

$request = json_decode( stream_get_contents( STDIN ), true, 512, JSON_THROW_ON_ERROR );

define( 'WP_INSTALLING', true );

// WordPress would guess its address from a web request, and there is none here.
define( 'WP_SITEURL', $request['url'] );

/** The real one would try to send an e-mail; WordPress lets it be replaced. */
function wp_new_blog_notification() {}

require getenv( 'ARTLY_WP_ROOT' ) . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';

wp_install( $request['title'], $request['adminUser'], $request['adminEmail'], false, '', $request['adminPassword'] );

// Not on this page: pictures from another server, and a question about the e-mail address in the way of the sign-in.
update_option( 'show_avatars', 0 );
update_option( 'admin_email_lifespan', PHP_INT_MAX );

echo 'done';
