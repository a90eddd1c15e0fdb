<?php
/**
 * The demo shop's public page: it only says what this is and where to go.
 */

?>
<!doctype html>
<html <?php language_attributes(); ?>>
<head>
	<meta charset="<?php bloginfo( 'charset' ); ?>">
	<meta name="viewport" content="width=device-width, initial-scale=1">
	<title><?php bloginfo( 'name' ); ?></title>
	<link rel="stylesheet" href="<?php echo esc_url( get_stylesheet_uri() ); ?>">
</head>
<body>
	<h1><?php bloginfo( 'name' ); ?></h1>
	<p>A shop with made-up members, for trying the Artly Reminder Bridge.</p>
	<p><a href="<?php echo esc_url( admin_url() ); ?>">Sign in to the shop's admin</a></p>
</body>
</html>
